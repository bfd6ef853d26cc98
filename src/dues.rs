//! Dues: what is known of the invoices for an organization's plan, and since when one is unpaid.
//!
//! As with purchases, events come late, twice, and in any order, so facts are joined and only ever grow ([`Dues::join`]): that an
//! invoice failed, and when first; that it is settled, which nothing that comes later undoes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Instant;

/// Everything that Stripe has told of an organization's invoices, by Stripe's id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dues(pub BTreeMap<String, Invoice>);

/// What was told of one invoice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// When a payment of it failed for the first time.
    pub failed_at: Option<Instant>,
    /// Whether it is paid, or will never have to be.
    pub settled: bool,
    /// Stripe's name of the subscription that it is for.
    #[serde(default)]
    pub subscription: Option<String>,
}

impl Dues {
    /// Adds what `told` knows. Commutative, associative and idempotent.
    pub fn join(&mut self, told: &Self) {
        for (id, new) in &told.0 {
            let invoice = self.0.entry(id.clone()).or_default();
            invoice.failed_at = [invoice.failed_at, new.failed_at].into_iter().flatten().min();
            invoice.settled |= new.settled;
            invoice.subscription = invoice.subscription.take().max(new.subscription.clone());
        }
    }

    /// What a list of invoices adds to what is known; nothing, if all of it is known. Such a list does not say exactly when one failed:
    /// what is known of that stays.
    pub fn learn(&self, mut listed: Self) -> Option<Self> {
        for (id, invoice) in &mut listed.0 {
            if self.0.get(id).is_some_and(|known| known.failed_at.is_some()) {
                invoice.failed_at = None;
            }
        }
        let mut all = self.clone();
        all.join(&listed);
        (all != *self).then_some(listed)
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

    fn failed(id: &str, day: u32) -> Dues {
        Dues([(id.into(), Invoice { failed_at: Some(at(day)), ..Invoice::default() })].into())
    }

    fn paid(id: &str) -> Dues {
        Dues([(id.into(), Invoice { settled: true, ..Invoice::default() })].into())
    }

    /// What was told, in this order and backwards, leaves an invoice unpaid since that day of March.
    #[track_caller]
    fn check(told: &[Dues], since: Option<u32>) {
        let join = |dues: &mut dyn Iterator<Item = &Dues>| {
            let mut all = Dues::default();
            dues.for_each(|told| all.join(told));
            all
        };
        let all = join(&mut told.iter());
        assert_eq!(all.unpaid_since(None), since.map(at));
        assert_eq!(join(&mut told.iter().rev().chain(told)), all);
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
    fn an_invoice_of_a_subscription_that_is_over_is_owed_no_more() {
        let of = |subscription: &str| {
            let mut dues = failed("in_1", 3);
            dues.join(&Dues(
                [("in_1".into(), Invoice { subscription: Some(subscription.into()), ..Invoice::default() })].into(),
            ));
            dues
        };
        assert_eq!(of("sub_1").unpaid_since(Some("sub_1")), Some(at(3)));
        assert_eq!(of("sub_1").unpaid_since(Some("sub_2")), None);
        assert_eq!(failed("in_1", 3).unpaid_since(Some("sub_2")), Some(at(3)), "it does not say whose it is");
    }

    #[test]
    fn a_list_adds_what_is_not_known_and_moves_no_failure() {
        assert_eq!(Dues::default().learn(failed("in_1", 3)), Some(failed("in_1", 3)));
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
