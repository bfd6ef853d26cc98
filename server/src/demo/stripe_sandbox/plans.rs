//! The rules of subscriptions: billing periods, invoice lines, and payment retries.

use brightmeter::time::Instant;
use chrono::{Datelike, Months};

use super::{
    billing_records::{
        BillingReason, Interval, Invoice, InvoiceLine, InvoiceStatus, Item, Price, Purpose, Span, Subscription,
        SubscriptionStatus,
    },
    ids::new_id,
    money::money,
};

pub(super) const DAY_SECONDS: i64 = 24 * 60 * 60;
/// When an unpaid invoice is retried, in days after its first failed payment.
const RETRY_DAYS: [i64; 3] = [3, 5, 7];

impl Interval {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    fn months(self) -> i32 {
        match self {
            Self::Month => 1,
            Self::Year => 12,
        }
    }
}

impl Price {
    /// Returns the display text: `Pro, $149 a month`.
    pub(super) fn label(&self) -> String {
        format!("{}, {} a {}", self.name, money(self.unit_cents, &self.currency), self.interval.name())
    }
}

impl Span {
    /// Returns the billing period around `at`, counted from `anchor`. A missing day is clamped to the month's last.
    pub(super) fn around(anchor: i64, at: i64, interval: Interval) -> Self {
        let [start, now] = [anchor, at].map(|seconds| Instant::from_timestamp(seconds, 0).unwrap_or_default());
        let boundary = |index: i32| {
            let months = Months::new((index * interval.months()).unsigned_abs());
            let moved = if index < 0 { start.checked_sub_months(months) } else { start.checked_add_months(months) };
            moved.unwrap_or(start).timestamp()
        };
        let months = |instant: Instant| instant.year() * 12 + instant.month0().cast_signed();
        let estimate = (months(now) - months(start)).div_euclid(interval.months());
        let index = if boundary(estimate) <= at { estimate } else { estimate - 1 };
        Self { start: boundary(index), end: boundary(index + 1) }
    }
}

impl SubscriptionStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired { .. } => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Paused => "paused",
            Self::Canceled { .. } => "canceled",
        }
    }
}

impl Item {
    /// A new item with one unit of `price`.
    pub(super) fn new(price: Price, now: i64) -> Self {
        Self { id: new_id("si_"), created: now, price, quantity: 1 }
    }

    /// The price of a period.
    pub(super) fn cents(&self) -> u64 {
        self.price.unit_cents.saturating_mul(self.quantity)
    }

    /// Returns the invoice line for a period.
    pub(super) fn line(&self, period: Span) -> InvoiceLine {
        let Price { name, unit_cents, currency, interval, .. } = &self.price;
        let unit = money(*unit_cents, currency);
        let description = format!("{} × {name} (at {unit} / {})", self.quantity, interval.name());
        self.line_of(description, signed(self.cents()), period)
    }

    /// Returns an invoice line for this item.
    pub(super) fn line_of(&self, description: String, cents: i64, period: Span) -> InvoiceLine {
        let item = Some(self.clone());
        InvoiceLine { id: new_id("il_"), description, cents, is_proration: false, period, item }
    }
}

impl Subscription {
    /// Returns the plan's item: the first one that isn't metered.
    pub(super) fn plan_item(&self) -> Option<&Item> {
        self.items.iter().find(|item| !item.price.metered).or(self.items.first())
    }

    /// Returns the display text of the plan's price.
    pub(super) fn label(&self) -> String {
        self.plan_item().map(|item| item.price.label()).unwrap_or_default()
    }

    pub(super) fn currency(&self) -> &str {
        self.plan_item().map_or("usd", |item| &item.price.currency)
    }

    pub(super) fn interval(&self) -> Interval {
        self.plan_item().map_or_else(Interval::default, |item| item.price.interval)
    }

    /// Whether it renews at the end of its period.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.status, SubscriptionStatus::Trialing | SubscriptionStatus::Active | SubscriptionStatus::PastDue)
    }

    pub(super) fn ended_at(&self) -> Option<i64> {
        match self.status {
            SubscriptionStatus::IncompleteExpired { at } | SubscriptionStatus::Canceled { at } => Some(at),
            SubscriptionStatus::Incomplete
            | SubscriptionStatus::Trialing
            | SubscriptionStatus::Active
            | SubscriptionStatus::PastDue
            | SubscriptionStatus::Paused => None,
        }
    }

    /// Returns the invoice lines for the first period. Metered items are charged at its end.
    pub(super) fn first_lines(&self) -> Vec<InvoiceLine> {
        let licensed = self.items.iter().filter(|item| !item.price.metered);
        let line = |item: &Item| match self.status {
            SubscriptionStatus::Trialing => {
                item.line_of(format!("Trial period for {}", item.price.name), 0, self.period)
            }
            _ => item.line(self.period),
        };
        licensed.map(line).collect()
    }

    /// Returns the invoice lines for a renewal: the new period, and the metered usage of the `previous` one.
    pub(super) fn renewal_lines(&self, previous: Span) -> Vec<InvoiceLine> {
        let period = |item: &Item| if item.price.metered { previous } else { self.period };
        self.items.iter().map(|item| item.line(period(item))).collect()
    }
}

impl Invoice {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status, InvoiceStatus::Open { .. })
    }

    /// When it was finalized. `None`: it is a draft.
    pub(super) fn finalized_at(&self) -> Option<i64> {
        (self.status != InvoiceStatus::Draft).then_some(self.finalized_at.unwrap_or(self.created))
    }

    /// The payment that paid it.
    pub(super) fn payment_intent(&self) -> Option<&str> {
        match &self.status {
            InvoiceStatus::Paid { payment_intent, .. } => payment_intent.as_deref(),
            _ => None,
        }
    }

    /// When the card is charged again.
    pub(super) fn next_attempt_at(&self) -> Option<i64> {
        let InvoiceStatus::Open { failed_at: Some(failed_at) } = &self.status else { return None };
        if self.purpose != Purpose::Period || self.due_at.is_some() {
            return None;
        }
        let retries = usize::try_from(self.attempts.checked_sub(1)?).ok()?;
        RETRY_DAYS.get(retries).map(|days| failed_at + days * DAY_SECONDS)
    }

    /// Returns the invoice number shown to people, such as `ACME-0007`.
    pub(super) fn display_number(&self) -> String {
        let prefix = self.customer.trim_start_matches("cus_").chars().filter(char::is_ascii_alphanumeric).take(8);
        format!("{}-{:04}", prefix.collect::<String>().to_ascii_uppercase(), self.number)
    }

    /// Returns the amount due as display text.
    pub(super) fn amount(&self) -> String {
        money(self.amount_cents, &self.currency)
    }
}

impl InvoiceStatus {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open { .. } => "open",
            Self::Paid { .. } => "paid",
            Self::Void { .. } => "void",
            Self::Uncollectible { .. } => "uncollectible",
        }
    }
}

impl BillingReason {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "subscription_create",
            Self::Cycle => "subscription_cycle",
            Self::Update => "subscription_update",
            Self::Manual => "manual",
        }
    }
}

/// Converts an amount to a signed one, for sums.
pub(super) fn signed(cents: u64) -> i64 {
    i64::try_from(cents).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(interval: Interval, anchor: &str, at: &str, start: &str, end: &str) {
        let [anchor, at, start, end] = [anchor, at, start, end].map(|day| {
            let instant: Instant = format!("{day}T09:30:00Z").parse().unwrap();
            instant.timestamp()
        });
        assert_eq!(Span::around(anchor, at, interval), Span { start, end });
    }

    #[test]
    fn months_are_counted_from_the_anchor_and_clamped() {
        check(Interval::Month, "2026-01-31", "2026-01-31", "2026-01-31", "2026-02-28");
        check(Interval::Month, "2026-01-31", "2026-03-01", "2026-02-28", "2026-03-31");
        check(Interval::Month, "2026-05-31", "2026-04-01", "2026-03-31", "2026-04-30");
    }

    #[test]
    fn years_are_counted_from_the_anchor_and_clamped() {
        check(Interval::Year, "2026-03-10", "2026-03-10", "2026-03-10", "2027-03-10");
        check(Interval::Year, "2026-03-10", "2027-03-09", "2026-03-10", "2027-03-10");
        check(Interval::Year, "2026-03-10", "2027-12-31", "2027-03-10", "2028-03-10");
        check(Interval::Year, "2028-02-29", "2029-03-01", "2029-02-28", "2030-02-28");
        check(Interval::Year, "2026-03-10", "2026-03-09", "2025-03-10", "2026-03-10");
    }
}
