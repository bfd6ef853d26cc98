//! Invoices: the facts about an organization's plan invoices, and since when one is unpaid.
//!
//! Stripe's events arrive late, more than once and in any order. So facts are joined and only grow
//! ([`Invoices::join`]): the first failure of an invoice, the payment, and that it is closed, which no later event
//! undoes. Each paid invoice gets a receipt. Receipts of plans and packs share one numbering.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Instant;

/// The invoice facts of an organization, by Stripe id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Invoices(pub BTreeMap<String, Invoice>);

/// The facts of one invoice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// When a payment failed for the first time; `None` if none failed.
    pub failed_at: Option<Instant>,
    /// Whether the invoice is closed: paid, voided or written off.
    pub closed: bool,
    /// The Stripe id of its subscription; `None` if unknown.
    pub subscription: Option<String>,
    /// The payment. `None` if unpaid, or if closed before plans had receipts.
    pub paid: Option<Paid>,
    /// The receipt number, once it is paid: 1, 2, 3, … per organization without gaps, packs included. We assign it, so
    /// facts from Stripe never carry one.
    pub receipt: Option<i64>,
}

/// The payment of an invoice. If two are reported, the smaller in this order counts, which is the earlier one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Paid {
    /// When it was paid.
    pub at: Instant,
    /// The amount, in cents.
    pub cents: u64,
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
    /// The amount, in cents. A credit is negative.
    pub cents: i64,
}

impl Invoices {
    /// Adds `facts`; receipt numbers stay. Commutative, associative and idempotent.
    pub fn join(&mut self, facts: &Self) {
        for (id, new) in &facts.0 {
            let invoice = self.0.entry(id.clone()).or_default();
            invoice.failed_at = [invoice.failed_at, new.failed_at].into_iter().flatten().min();
            invoice.closed |= new.closed;
            invoice.subscription = invoice.subscription.take().max(new.subscription.clone());
            invoice.paid = [invoice.paid.take(), new.paid.clone()].into_iter().flatten().min();
        }
    }

    /// Returns the facts that a list of invoices adds, or `None` if it adds none. A list does not say exactly when an
    /// invoice failed, so recorded failures stay, and so do recorded payments.
    pub fn new_facts(&self, mut listed: Self) -> Option<Self> {
        for (id, invoice) in &mut listed.0 {
            let Some(known) = self.0.get(id) else { continue };
            invoice.failed_at = invoice.failed_at.filter(|_| known.failed_at.is_none());
            invoice.paid = invoice.paid.take().filter(|_| known.paid.is_none());
        }
        let mut all = self.clone();
        all.join(&listed);
        (all != *self).then_some(listed)
    }

    /// Numbers the paid invoices that have no receipt yet, from `next` on, in order of payment.
    pub fn number_receipts(&mut self, next: i64) {
        let mut unnumbered: Vec<(Instant, &mut Option<i64>)> = Vec::new();
        for Invoice { paid, receipt, .. } in self.0.values_mut() {
            if let Some(paid) = paid.as_ref().filter(|paid| paid.cents > 0 && receipt.is_none()) {
                unnumbered.push((paid.at, receipt));
            }
        }
        // The sort is stable: payments of the same instant stay in order of their Stripe ids.
        unnumbered.sort_by_key(|(at, _)| *at);
        for (number, (_, receipt)) in (next..).zip(unnumbered) {
            *receipt = Some(number);
        }
    }

    /// Returns the receipts: the invoice's Stripe id, the receipt number and the payment.
    pub fn receipts(&self) -> impl Iterator<Item = (&str, i64, &Paid)> {
        self.0.iter().filter_map(|(id, invoice)| Some((id.as_str(), invoice.receipt?, invoice.paid.as_ref()?)))
    }

    /// Returns since when an invoice is unpaid: the earliest first failure among the invoices that are not closed.
    /// Retries do not move it. If the `live` subscription is given, invoices of other subscriptions are ignored.
    pub fn unpaid_since(&self, live: Option<&str>) -> Option<Instant> {
        let applies = |invoice: &&Invoice| match (live, invoice.subscription.as_deref()) {
            (Some(live), Some(of)) => live == of,
            _ => true,
        };
        self.0.values().filter(applies).filter(|invoice| !invoice.closed).filter_map(|invoice| invoice.failed_at).min()
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
        Invoices([(id.into(), Invoice { closed: true, ..Invoice::default() })].into())
    }

    fn paid_on(id: &str, day: u32, cents: u64) -> Invoices {
        let paid = Paid { at: at(day), cents, lines: Vec::new(), url: None, number: None };
        Invoices([(id.into(), Invoice { closed: true, paid: Some(paid), ..Invoice::default() })].into())
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
        assert_eq!(all.unpaid_since(None), since.map(at));
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
    fn paid_invoices_are_numbered_once_in_order_of_payment() {
        let mut invoices = Invoices::default();
        let mut numbers = |facts: &[Invoices], next| {
            facts.iter().for_each(|facts| invoices.join(facts));
            invoices.number_receipts(next);
            invoices.receipts().map(|(id, number, _)| format!("{id}: {number}")).collect::<Vec<_>>().join(", ")
        };
        let facts =
            [paid_on("in_1", 5, 1), paid_on("in_2", 4, 1), paid_on("in_3", 5, 1), paid_on("in_4", 3, 0), paid("in_5")];
        assert_eq!(numbers(&facts, 7), "in_1: 8, in_2: 7, in_3: 9");
        assert_eq!(numbers(&facts, 10), "in_1: 8, in_2: 7, in_3: 9");
        // A number stays, even if the invoice turns out to have been paid earlier.
        assert_eq!(numbers(&[paid_on("in_3", 2, 1), paid_on("in_5", 1, 1)], 10), "in_1: 8, in_2: 7, in_3: 9, in_5: 10");
    }

    #[test]
    fn an_invoice_of_an_ended_subscription_is_no_longer_due() {
        let of = |subscription: &str| {
            let mut invoices = failed("in_1", 3);
            invoices.join(&Invoices(
                [("in_1".into(), Invoice { subscription: Some(subscription.into()), ..Invoice::default() })].into(),
            ));
            invoices
        };
        assert_eq!(of("sub_1").unpaid_since(Some("sub_1")), Some(at(3)));
        assert_eq!(of("sub_1").unpaid_since(Some("sub_2")), None);
        assert_eq!(failed("in_1", 3).unpaid_since(Some("sub_2")), Some(at(3)), "its subscription is unknown");
    }

    #[test]
    fn a_list_adds_unknown_facts_and_moves_no_failure() {
        assert_eq!(Invoices::default().new_facts(failed("in_1", 3)), Some(failed("in_1", 3)));
        assert_eq!(failed("in_1", 3).new_facts(failed("in_1", 2)), None);
        assert_eq!(failed("in_1", 3).new_facts(paid("in_1")), Some(paid("in_1")));
        let mut closed = failed("in_1", 3);
        closed.join(&paid("in_1"));
        assert_eq!(closed.new_facts(paid("in_1")), None);
    }

    #[test]
    fn the_oldest_failure_counts_if_several_invoices_are_unpaid() {
        check(&[failed("in_2", 9), failed("in_1", 3)], Some(3));
        check(&[failed("in_2", 9), failed("in_1", 3), paid("in_1")], Some(9));
    }
}
