//! Dues: what is known of the invoices for an organization's plan, and since when one is unpaid.
//!
//! As with purchases, events come late, twice, and in any order, so facts are joined and only ever grow ([`Invoices::join`]): that an
//! invoice failed, and when first; that it is settled, which nothing that comes later undoes; what was paid of it. What was paid has
//! a receipt, numbered in one row with those of packs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Instant;

/// Everything that Stripe has told of an organization's invoices, by Stripe's id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Invoices(pub BTreeMap<String, Invoice>);

/// What is known of one invoice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// When a payment of it failed for the first time.
    pub failed_at: Option<Instant>,
    /// Whether it is paid, or will never have to be.
    pub settled: bool,
    /// Stripe's name of the subscription that it is for.
    #[serde(default)]
    pub subscription: Option<String>,
    /// What was paid of it; nothing of one that was settled before there were receipts for plans.
    #[serde(default)]
    pub paid: Option<Paid>,
    /// The number of its receipt, once something was paid: 1, 2, 3, … in each organization, without gaps, packs among them. It is
    /// ours to say, so nothing that is told brings one.
    #[serde(default)]
    pub receipt: Option<i64>,
}

/// What was paid of an invoice. Of two that were told, the smaller one counts, so the earlier one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Paid {
    /// When.
    pub at: Instant,
    /// How much, in cents.
    pub cents: u64,
    /// What for.
    pub lines: Vec<InvoiceLine>,
    /// Stripe's page of it.
    pub url: Option<String>,
    /// The number that Stripe gave it.
    pub number: Option<String>,
}

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// What people read.
    pub text: String,
    /// What it costs, in cents; below zero where it gives back.
    pub cents: i64,
}

impl Invoices {
    /// Adds what `facts` knows; receipts stay as they are. Commutative, associative and idempotent.
    pub fn join(&mut self, facts: &Self) {
        for (id, new) in &facts.0 {
            let invoice = self.0.entry(id.clone()).or_default();
            invoice.failed_at = [invoice.failed_at, new.failed_at].into_iter().flatten().min();
            invoice.settled |= new.settled;
            invoice.subscription = invoice.subscription.take().max(new.subscription.clone());
            invoice.paid = [invoice.paid.take(), new.paid.clone()].into_iter().flatten().min();
        }
    }

    /// What a list of invoices adds to what is known; nothing, if all of it is known. Such a list does not say exactly when one failed:
    /// what is known of that, and of what was paid, stays.
    pub fn learn(&self, mut listed: Self) -> Option<Self> {
        for (id, invoice) in &mut listed.0 {
            let Some(known) = self.0.get(id) else { continue };
            invoice.failed_at = invoice.failed_at.filter(|_| known.failed_at.is_none());
            invoice.paid = invoice.paid.take().filter(|_| known.paid.is_none());
        }
        let mut all = self.clone();
        all.join(&listed);
        (all != *self).then_some(listed)
    }

    /// Gives whatever was paid and has no receipt yet the next numbers, from `next` on, in the order in which it was paid.
    pub fn number_receipts(&mut self, next: i64) {
        let mut unnumbered: Vec<(Instant, &mut Option<i64>)> = Vec::new();
        for Invoice { paid, receipt, .. } in self.0.values_mut() {
            if let Some(paid) = paid.as_ref().filter(|paid| paid.cents > 0 && receipt.is_none()) {
                unnumbered.push((paid.at, receipt));
            }
        }
        // Those of one instant stay in the order of their ids.
        unnumbered.sort_by_key(|(at, _)| *at);
        for (number, (_, receipt)) in (next..).zip(unnumbered) {
            *receipt = Some(number);
        }
    }

    /// What has a receipt: Stripe's id of the invoice, the receipt's number, and what was paid.
    pub fn receipts(&self) -> impl Iterator<Item = (&str, i64, &Paid)> {
        self.0.iter().filter_map(|(id, invoice)| Some((id.as_str(), invoice.receipt?, invoice.paid.as_ref()?)))
    }

    /// Since when an invoice is unpaid: the first failure of the oldest one that is not settled. Retries do not move it. Where it
    /// is known which subscription is `live`, the invoices of others are nobody's concern any more.
    pub fn unpaid_since(&self, live: Option<&str>) -> Option<Instant> {
        let concerns = |invoice: &&Invoice| match (live, invoice.subscription.as_deref()) {
            (Some(live), Some(of)) => live == of,
            _ => true,
        };
        self.0
            .values()
            .filter(concerns)
            .filter(|invoice| !invoice.settled)
            .filter_map(|invoice| invoice.failed_at)
            .min()
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
        Invoices([(id.into(), Invoice { settled: true, ..Invoice::default() })].into())
    }

    fn paid_on(id: &str, day: u32, cents: u64) -> Invoices {
        let paid = Paid { at: at(day), cents, lines: Vec::new(), url: None, number: None };
        Invoices([(id.into(), Invoice { settled: true, paid: Some(paid), ..Invoice::default() })].into())
    }

    /// What was told, in this order and backwards, leaves an invoice unpaid since that day of March.
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
    fn of_a_payment_that_is_told_in_two_ways_the_earlier_counts() {
        check(&[failed("in_1", 3), paid_on("in_1", 5, 14_900), paid_on("in_1", 4, 14_900), paid("in_1")], None);
        let mut invoices = paid_on("in_1", 5, 14_900);
        for facts in [paid("in_1"), paid_on("in_1", 4, 14_900), paid_on("in_1", 6, 14_900)] {
            invoices.join(&facts);
        }
        assert_eq!(invoices, paid_on("in_1", 4, 14_900));
    }

    #[test]
    fn what_was_paid_is_numbered_once_in_the_order_of_time() {
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
        // The number stays, also if it turns out to have been paid earlier.
        assert_eq!(numbers(&[paid_on("in_3", 2, 1), paid_on("in_5", 1, 1)], 10), "in_1: 8, in_2: 7, in_3: 9, in_5: 10");
    }

    #[test]
    fn what_was_stored_before_there_were_receipts_is_read_and_has_none() {
        let stored = r#"{"in_1":{"failed_at":null,"settled":true},"in_2":{"failed_at":null,"settled":true,"subscription":"sub_1"}}"#;
        let mut invoices: Invoices = serde_json::from_str(stored).unwrap();
        invoices.number_receipts(1);
        assert_eq!(invoices.receipts().count(), 0);
    }

    #[test]
    fn an_invoice_of_a_subscription_that_is_over_is_owed_no_more() {
        let of = |subscription: &str| {
            let mut invoices = failed("in_1", 3);
            invoices.join(&Invoices(
                [("in_1".into(), Invoice { subscription: Some(subscription.into()), ..Invoice::default() })].into(),
            ));
            invoices
        };
        assert_eq!(of("sub_1").unpaid_since(Some("sub_1")), Some(at(3)));
        assert_eq!(of("sub_1").unpaid_since(Some("sub_2")), None);
        assert_eq!(failed("in_1", 3).unpaid_since(Some("sub_2")), Some(at(3)), "it does not say whose it is");
    }

    #[test]
    fn a_list_adds_what_is_not_known_and_moves_no_failure() {
        assert_eq!(Invoices::default().learn(failed("in_1", 3)), Some(failed("in_1", 3)));
        assert_eq!(failed("in_1", 3).learn(failed("in_1", 2)), None);
        assert_eq!(failed("in_1", 3).learn(paid("in_1")), Some(paid("in_1")));
        let mut settled = failed("in_1", 3);
        settled.join(&paid("in_1"));
        assert_eq!(settled.learn(paid("in_1")), None);
    }

    #[test]
    fn of_several_unpaid_invoices_the_oldest_failure_counts() {
        check(&[failed("in_2", 9), failed("in_1", 3)], Some(3));
        check(&[failed("in_2", 9), failed("in_1", 3), paid("in_1")], Some(9));
    }
}
