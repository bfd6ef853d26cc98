//! The rules of subscriptions: billing periods, invoice lines, and payment retries.

use brightmeter::{
    billing::{money::dollars, period::Anchor},
    time::Instant,
};

use super::{
    ids::new_id,
    records::{BillingReason, Invoice, InvoiceLine, InvoiceStatus, Price, Span, Subscription, SubscriptionStatus},
};

pub(super) const DAY_SECONDS: i64 = 24 * 60 * 60;
/// When an unpaid invoice is retried, in days after its first failed payment.
const RETRY_DAYS: [i64; 3] = [3, 5, 7];

impl Price {
    /// Returns the display text: `Pro, $149 a month`.
    pub(super) fn label(&self) -> String {
        format!("{}, {} a month", self.name, dollars(self.unit_cents))
    }
}

impl Span {
    /// Returns the monthly period around `at`, counted from `anchor`.
    pub(super) fn month(anchor: i64, at: i64) -> Self {
        let instant = |seconds| Instant::from_timestamp(seconds, 0).unwrap_or_default();
        let period = Anchor(instant(anchor)).period_at(instant(at));
        Self { start: period.start.timestamp(), end: period.end.timestamp() }
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
            Self::Canceled { .. } => "canceled",
        }
    }
}

impl Subscription {
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
            | SubscriptionStatus::PastDue => None,
        }
    }

    /// Returns the invoice line for the current period.
    pub(super) fn line(&self) -> InvoiceLine {
        let Price { name, unit_cents, .. } = &self.price;
        let (description, cents) = match self.status {
            SubscriptionStatus::Trialing => (format!("Trial period for {name}"), 0),
            _ => (format!("1 × {name} (at {} / month)", dollars(*unit_cents)), signed(*unit_cents)),
        };
        InvoiceLine { id: new_id("il_"), description, cents, is_proration: false, period: self.period }
    }
}

impl Invoice {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status, InvoiceStatus::Open { .. })
    }

    /// When the card is charged again.
    pub(super) fn next_attempt_at(&self) -> Option<i64> {
        let InvoiceStatus::Open { failed_at: Some(failed_at) } = &self.status else { return None };
        let retries = usize::try_from(self.attempts.checked_sub(1)?).ok()?;
        RETRY_DAYS.get(retries).map(|days| failed_at + days * DAY_SECONDS)
    }

    /// Returns the invoice number shown to people, such as `ACME-0007`.
    pub(super) fn display_number(&self) -> String {
        let prefix = self.customer.trim_start_matches("cus_").chars().filter(char::is_ascii_alphanumeric).take(8);
        format!("{}-{:04}", prefix.collect::<String>().to_ascii_uppercase(), self.number)
    }
}

impl InvoiceStatus {
    pub(super) fn name(&self) -> &'static str {
        match self {
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
        }
    }
}

/// Converts an amount to signed cents, for sums.
pub(super) fn signed(cents: u64) -> i64 {
    i64::try_from(cents).unwrap_or(i64::MAX)
}
