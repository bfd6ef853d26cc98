//! Invoices: the facts about an organization's plan invoices, and since when one is overdue.
//!
//! Stripe's events arrive late, more than once and in any order. So facts are joined and only grow
//! ([`Invoices::join`]): the first failure of an invoice, its payment, and its status, which never moves back. Each paid
//! invoice gets a receipt. Receipts of plans and packs share one numbering.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    money::{Currency, Money},
    payment::{Payment, StripeIds},
    subscription::{RecordedSubscription, Status},
};
use crate::time::Instant;

/// The invoice facts of an organization, by Stripe id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Invoices(pub BTreeMap<String, Invoice>);

/// The facts of one invoice. The amounts are in minor units of its currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Invoice {
    /// The status at Stripe.
    pub status: InvoiceStatus,
    /// The Stripe id of its subscription; `None` if unknown.
    pub subscription: Option<String>,
    /// Why it was issued; `None` if unknown.
    pub reason: Option<BillingReason>,
    /// When it was created; `None` if unknown.
    pub created_at: Option<Instant>,
    /// When a mailed invoice is due; `None` if it is charged automatically.
    pub due_at: Option<Instant>,
    /// When Stripe first tried to collect it, from a list of invoices; `None` if unknown. A list does not show whether
    /// and when the attempt failed.
    pub attempted_at: Option<Instant>,
    /// When a payment failed for the first time; `None` if none is known to have failed.
    pub failed_at: Option<Instant>,
    /// When it was paid; `None` if it is not, or if unknown.
    pub paid_at: Option<Instant>,
    /// The currency. `None` if it was not reported, as before currencies were recorded: US dollars.
    pub currency: Option<Currency>,
    /// The unpaid amount; `None` if unknown.
    #[serde(alias = "remaining_cents")]
    pub remaining_minor: Option<u64>,
    /// Stripe's page where it can be paid; `None` if unknown.
    pub url: Option<String>,
    /// The facts about the money: the amount paid, and what went back or is disputed.
    pub payment: Payment,
    /// The payment. `None` if unpaid, if the amount was 0, or if it was closed before plans had receipts.
    pub paid: Option<Paid>,
    /// The receipt number, once it is paid: 1, 2, 3, … per organization without gaps, packs included. We assign it, so
    /// facts from Stripe never carry one.
    pub receipt: Option<i64>,
}

/// The status of an invoice at Stripe. If two are reported, the later in this order counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    /// To be paid.
    #[default]
    Open,
    /// Written off. It may still be paid.
    Uncollectible,
    /// Canceled.
    Void,
    /// Paid.
    Paid,
}

/// Why an invoice was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillingReason {
    /// Another reason.
    Other,
    /// The subscription's first period.
    Create,
    /// A renewal.
    Cycle,
    /// A change of the subscription.
    Update,
}

/// The payment of an invoice. If two are reported, the smaller in this order counts, which is the earlier one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Paid {
    /// When it was paid.
    pub at: Instant,
    /// The amount, in minor units of the invoice's currency.
    #[serde(alias = "cents")]
    pub minor: u64,
    /// The invoice's lines.
    pub lines: Vec<InvoiceLine>,
    /// Stripe's hosted invoice page.
    pub url: Option<String>,
    /// Stripe's invoice number.
    pub number: Option<String>,
}

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// The description for display.
    pub text: String,
    /// The amount, in minor units of the invoice's currency. A credit is negative.
    #[serde(alias = "cents")]
    pub minor: i64,
}

impl InvoiceStatus {
    /// Parses Stripe's name; `None` for a draft, and if it is unknown.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "open" => Some(Self::Open),
            "uncollectible" => Some(Self::Uncollectible),
            "void" => Some(Self::Void),
            "paid" => Some(Self::Paid),
            _ => None,
        }
    }
}

impl BillingReason {
    /// Parses Stripe's name.
    pub fn parse(text: &str) -> Self {
        match text {
            "subscription_create" => Self::Create,
            "subscription_cycle" => Self::Cycle,
            "subscription_update" => Self::Update,
            _ => Self::Other,
        }
    }
}

impl Invoice {
    fn join(&mut self, new: &Self) {
        // Exhaustive, so that a new fact can't be forgotten here.
        let Self {
            status,
            subscription,
            reason,
            created_at,
            due_at,
            attempted_at,
            failed_at,
            paid_at,
            currency,
            remaining_minor,
            url,
            payment,
            paid,
            receipt: _,
        } = new;
        self.status = self.status.max(*status);
        self.subscription = self.subscription.take().max(subscription.clone());
        self.reason = self.reason.max(*reason);
        self.due_at = self.due_at.max(*due_at);
        self.url = self.url.take().max(url.clone());
        self.created_at = earlier(self.created_at, *created_at);
        self.attempted_at = earlier(self.attempted_at, *attempted_at);
        self.failed_at = earlier(self.failed_at, *failed_at);
        self.paid_at = earlier(self.paid_at, *paid_at);
        self.currency = self.currency.max(*currency);
        self.remaining_minor = earlier(self.remaining_minor, *remaining_minor);
        self.payment.join(payment);
        self.paid = earlier(self.paid.take(), paid.clone());
    }

    /// Returns the unpaid amount; `None` if unknown.
    pub fn remaining(&self) -> Option<Money> {
        self.remaining_minor.map(|minor| self.money(minor))
    }

    /// Returns an amount in the invoice's currency.
    pub(super) fn money(&self, minor: impl TryInto<i64>) -> Money {
        Money::new(minor, self.currency.unwrap_or_default())
    }

    /// Returns when it was issued, or the first time that is known of it.
    pub(super) fn issued_at(&self) -> Option<Instant> {
        self.created_at.or(self.paid_at).or(self.failed_at)
    }

    /// Returns when the invoice became, or becomes, overdue: when a mailed one is due, else at the first failure. `None`
    /// if no payment failed. Retries do not move it, and a failed attempt to pay before the due date does not count.
    ///
    /// `status` is the subscription's; `None` if unknown. While it is good, an attempt whose failure was not reported is
    /// still in progress, such as a bank debit.
    fn overdue_from(&self, status: Option<Status>) -> Option<Instant> {
        let attempted_at = self.attempted_at.filter(|_| !status.is_some_and(Status::is_good));
        self.due_at.or(self.failed_at).or(attempted_at)
    }

    /// Whether this is a subscription's first invoice and charged automatically. It is not owed: the plan starts only when
    /// it is paid.
    fn is_first_charge(&self) -> bool {
        self.reason == Some(BillingReason::Create) && self.due_at.is_none()
    }
}

fn earlier<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    [a, b].into_iter().flatten().min()
}

impl Invoices {
    /// Adds `facts`; receipt numbers stay. Commutative, associative and idempotent.
    pub fn join(&mut self, facts: &Self) {
        for (id, new) in &facts.0 {
            self.0.entry(id.clone()).or_default().join(new);
        }
    }

    /// Whether joining `facts` would change anything but the Stripe ids of payments.
    pub fn lacks(&self, facts: &Self) -> bool {
        let mut joined = self.clone();
        joined.join(facts);
        let mut known = self.clone();
        for invoices in [&mut joined, &mut known] {
            invoices.0.values_mut().for_each(|it| it.payment.stripe_ids = StripeIds::default());
        }
        joined != known
    }

    /// Whether an invoice of `subscription` that was issued at or after `since` has been paid.
    pub fn paid_since(&self, subscription: &str, since: Instant) -> bool {
        self.of(Some(subscription))
            .any(|(_, it)| it.status == InvoiceStatus::Paid && it.issued_at().is_some_and(|at| at >= since))
    }

    /// Whether an invoice for a change of `subscription`, issued at or after `since`, is not paid.
    pub fn has_unpaid_change(&self, subscription: &str, since: Instant) -> bool {
        self.of(Some(subscription)).any(|(_, it)| {
            let is_recent = it.issued_at().is_some_and(|at| at >= since);
            it.reason == Some(BillingReason::Update) && it.status != InvoiceStatus::Paid && is_recent
        })
    }

    /// Returns the open invoice of `subscription` that is overdue, or becomes overdue, first. If `subscription` is `None`,
    /// every invoice counts.
    pub fn first_due(&self, subscription: Option<&RecordedSubscription>) -> Option<&Invoice> {
        let status = subscription.map(|it| it.latest.status);
        let counts = |invoice: &Invoice| {
            // The change that it pays for is applied once it is paid. Until then, the plan that is paid goes on.
            let is_pending_change =
                invoice.reason == Some(BillingReason::Update) && status.is_some_and(Status::is_good);
            invoice.status == InvoiceStatus::Open && !invoice.is_first_charge() && !is_pending_change
        };
        self.of(subscription.map(|it| it.latest.id.as_str()))
            .filter(|(_, it)| counts(it) && it.overdue_from(status).is_some())
            .min_by_key(|(id, it)| (it.overdue_from(status), *id))
            .map(|(_, it)| it)
    }

    /// Returns since when a payment is overdue, possibly an instant in the future; `None` if none is. If `subscription` is
    /// `None`, every invoice counts.
    ///
    /// An invoice that was voided or written off while its subscription stays overdue has not been paid. It counts until
    /// a later payment, or until Stripe reports the subscription as active.
    pub fn overdue_since(&self, subscription: Option<&RecordedSubscription>) -> Option<Instant> {
        let status = subscription.map(|it| it.latest.status);
        let open = self.first_due(subscription).and_then(|it| it.overdue_from(status));
        let overdue = subscription.filter(|it| it.latest.status.is_overdue());
        let Some(overdue) = overdue else { return open };
        let id = Some(overdue.latest.id.as_str());
        let last_paid =
            self.of(id).filter(|(_, it)| it.status == InvoiceStatus::Paid).filter_map(|(_, it)| it.paid_at).max();
        let unpaid = |since: &Instant| last_paid.is_none_or(|paid| paid < *since);
        let closed = self
            .of(id)
            .filter(|(_, it)| matches!(it.status, InvoiceStatus::Void | InvoiceStatus::Uncollectible))
            .filter_map(|(_, it)| it.overdue_from(status))
            .filter(unpaid)
            .min();
        earlier(open, closed).or(overdue.overdue_since.filter(unpaid))
    }

    pub(super) fn of<'a, 'b>(
        &'a self,
        subscription: Option<&'b str>,
    ) -> impl Iterator<Item = (&'a str, &'a Invoice)> + use<'a, 'b> {
        let applies = move |invoice: &Invoice| match (subscription, invoice.subscription.as_deref()) {
            (Some(subscription), Some(of)) => subscription == of,
            _ => true,
        };
        self.0.iter().filter(move |(_, it)| applies(it)).map(|(id, invoice)| (id.as_str(), invoice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u32) -> Instant {
        format!("2026-03-{day:02}T12:00:00Z").parse().unwrap()
    }

    fn failed(id: &str, day: u32) -> Invoices {
        Invoices([(id.into(), Invoice { failed_at: Some(at(day)), ..Invoice::default() })].into())
    }

    fn paid(id: &str) -> Invoices {
        Invoices([(id.into(), Invoice { status: InvoiceStatus::Paid, ..Invoice::default() })].into())
    }

    fn paid_on(id: &str, day: u32, minor: u64) -> Invoices {
        let paid = Paid { at: at(day), minor, lines: Vec::new(), url: None, number: None };
        Invoices([(id.into(), Invoice { status: InvoiceStatus::Paid, paid: Some(paid), ..Invoice::default() })].into())
    }

    /// Joins `facts` in this order and in reverse; both leave an invoice unpaid since that day of March.
    #[track_caller]
    fn check(facts: &[Invoices], since: Option<u32>) {
        let join = |invoices: &mut dyn Iterator<Item = &Invoices>| {
            let mut all = Invoices::default();
            invoices.for_each(|facts| all.join(facts));
            all
        };
        let all = join(&mut facts.iter());
        assert_eq!(all.overdue_since(None), since.map(at));
        assert_eq!(join(&mut facts.iter().rev().chain(facts)), all);
    }

    #[test]
    fn retries_do_not_move_the_first_failure_and_a_payment_ends_it() {
        check(&[], None);
        check(&[failed("in_1", 3)], Some(3));
        check(&[failed("in_1", 3), failed("in_1", 6), failed("in_1", 9)], Some(3));
        check(&[failed("in_1", 3), paid("in_1"), failed("in_1", 6)], None);
        check(&[paid("in_1")], None);
    }

    #[test]
    fn if_a_payment_is_reported_twice_the_earlier_counts() {
        check(&[failed("in_1", 3), paid_on("in_1", 5, 14_900), paid_on("in_1", 4, 14_900), paid("in_1")], None);
        let mut invoices = paid_on("in_1", 5, 14_900);
        for facts in [paid("in_1"), paid_on("in_1", 4, 14_900), paid_on("in_1", 6, 14_900)] {
            invoices.join(&facts);
        }
        assert_eq!(invoices, paid_on("in_1", 4, 14_900));
    }

    #[test]
    fn the_oldest_failure_counts_if_several_invoices_are_unpaid() {
        check(&[failed("in_2", 9), failed("in_1", 3)], Some(3));
        check(&[failed("in_2", 9), failed("in_1", 3), paid("in_1")], Some(9));
    }
}
