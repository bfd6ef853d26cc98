//! Returns: the part of a payment that went back to the customer or that open disputes withhold, and the share of the
//! tokens that goes with it.

use crate::{
    billing::{
        invoices::{InvoiceStatus, Invoices},
        payment::{Dispute, DisputeStatus, Payment},
    },
    ledger::tokens::Tokens,
    time::Instant,
};

/// The share of what was paid in a billing period that went back to the customer or is disputed. A subscription is billed
/// in one currency, so the amounts are in the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReturnedShare {
    returned_minor: u64,
    paid_minor: u64,
}

impl ReturnedShare {
    /// Whether nothing went back.
    pub const fn is_zero(self) -> bool {
        self.returned_minor == 0
    }

    /// Whether all of it went back.
    pub const fn is_whole(self) -> bool {
        self.returned_minor > 0 && self.returned_minor >= self.paid_minor
    }

    /// Returns the rest of `allowance`: less the same share as of the money, rounded in the customer's favor.
    pub fn rest_of(self, allowance: Tokens) -> Tokens {
        allowance.saturating_sub(share(allowance, self.returned_minor, self.paid_minor))
    }
}

impl Payment {
    /// Returns the part of the paid amount that went back to the customer, in minor units: refunds that did not fail and
    /// lost disputes.
    pub fn returned_minor(&self) -> u64 {
        let failed = total(self.refunds.values().filter(|refund| refund.failed).map(|refund| refund.minor));
        let every = total(self.refunds.values().map(|refund| refund.minor));
        let lost = self.minor_in_disputes(|status| matches!(status, DisputeStatus::Closed { lost: true, .. }));
        let refunded = every.max(self.refunded_minor).saturating_sub(failed);
        refunded.saturating_add(lost).min(self.paid_minor.unwrap_or_default())
    }

    /// Returns the part of the paid amount that open disputes withhold and that has not been returned yet.
    pub fn withheld_minor(&self) -> u64 {
        let open = self.minor_in_disputes(|status| status == DisputeStatus::Open);
        open.min(self.paid_minor.unwrap_or_default().saturating_sub(self.returned_minor()))
    }

    /// Returns what went back to the customer, one amount for each refund and lost dispute, in minor units. A refund that
    /// only the charge's total shows is the last one.
    pub fn credits_minor(&self) -> Vec<u64> {
        let refunds = self.refunds.values().filter(|refund| !refund.failed).map(|refund| refund.minor);
        let lost = self.disputes.values().filter(|it| matches!(it.status, DisputeStatus::Closed { lost: true, .. }));
        let mut credits: Vec<u64> = refunds.chain(lost.map(|dispute| dispute.minor)).collect();
        let rest = self.returned_minor().saturating_sub(total(credits.iter().copied()));
        credits.extend((rest > 0).then_some(rest));
        credits
    }

    fn minor_in_disputes(&self, counts: impl Fn(DisputeStatus) -> bool) -> u64 {
        let paid = self.paid_minor.unwrap_or_default();
        // Amounts of different currencies can't be added. A dispute is usually about the whole payment.
        let in_paid = |dispute: &Dispute| if self.is_in_other_currency(dispute) { paid } else { dispute.minor };
        total(self.disputes.values().filter(|dispute| counts(dispute.status)).map(in_paid))
    }

    fn is_in_other_currency(&self, dispute: &Dispute) -> bool {
        dispute.currency.zip(self.currency).is_some_and(|(dispute, payment)| dispute != payment)
    }

    /// Whether a dispute is open.
    pub fn is_disputed(&self) -> bool {
        self.disputes.values().any(|dispute| dispute.status == DisputeStatus::Open)
    }

    /// Whether joining `facts` would change the clawback or the frozen tokens.
    pub fn affects_tokens(&self, facts: &Self) -> bool {
        let mut joined = self.clone();
        joined.join(facts);
        (joined.returned_minor(), joined.withheld_minor()) != (self.returned_minor(), self.withheld_minor())
    }

    /// Returns the clawback of `amount` tokens: the same share as of the money, rounded down to whole tokens in the
    /// customer's favor. All of them if the whole payment went back.
    pub fn clawback_of(&self, amount: Tokens) -> Tokens {
        share(amount, self.returned_minor(), self.paid_minor.unwrap_or_default())
    }

    /// Returns the part of `amount` tokens that open disputes freeze: the same share as of the money, rounded down.
    pub fn freeze_of(&self, amount: Tokens) -> Tokens {
        share(amount, self.withheld_minor(), self.paid_minor.unwrap_or_default())
    }
}

impl Invoices {
    /// Returns the share of the payments for `subscription`, since the start of its billing period, that went back to the
    /// customer or is disputed.
    pub fn returned_share(&self, subscription: &str, since: Instant) -> ReturnedShare {
        let mut share = ReturnedShare::default();
        for (_, invoice) in self.of(Some(subscription)) {
            let is_recent = invoice.issued_at().is_some_and(|at| at >= since);
            if invoice.status == InvoiceStatus::Paid && is_recent {
                let payment = &invoice.payment;
                let returned = payment.returned_minor().saturating_add(payment.withheld_minor());
                share.returned_minor = share.returned_minor.saturating_add(returned);
                share.paid_minor = share.paid_minor.saturating_add(payment.paid_minor.unwrap_or_default());
            }
        }
        share
    }
}

/// Returns the sum of amounts, at most [`u64::MAX`]: events may report any amount.
fn total(amounts: impl Iterator<Item = u64>) -> u64 {
    amounts.fold(0, u64::saturating_add)
}

/// Returns `amount × part / whole`, rounded down; zero if `whole` is.
fn share(amount: Tokens, part: u64, whole: u64) -> Tokens {
    let amount = u128::from(amount.get().unsigned_abs());
    let share = (amount * u128::from(part)).checked_div(u128::from(whole)).unwrap_or_default();
    i64::try_from(share).ok().and_then(|share| Tokens::new(share).ok()).unwrap_or(Tokens::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::billing::payment::{Refund, Stage};

    fn refunds(of: &[(&str, u64, bool)]) -> BTreeMap<String, Refund> {
        of.iter().map(|(id, minor, failed)| ((*id).into(), Refund { minor: *minor, failed: *failed })).collect()
    }

    /// Checks the cents returned and the tokens clawed back from 2,900 cents for 500 tokens, given the refunds and the
    /// charge's refund total.
    #[track_caller]
    fn check(of: &[(&str, u64, bool)], refunded_minor: u64, returned: u64, tokens: i64) {
        let payment = Payment {
            stage: Stage::Paid,
            paid_minor: Some(2_900),
            refunds: refunds(of),
            refunded_minor,
            ..Payment::default()
        };
        assert_eq!(payment.returned_minor(), returned);
        assert_eq!(payment.clawback_of(Tokens::new(500).unwrap()).get(), tokens);
    }

    #[test]
    fn a_clawback_takes_the_same_share_as_the_refund_rounded_down() {
        check(&[], 0, 0, 0);
        check(&[("re_1", 1, false)], 0, 1, 0);
        check(&[("re_1", 1_000, false)], 0, 1_000, 172);
        check(&[("re_1", 1_000, false), ("re_2", 1_000, false)], 0, 2_000, 344);
        check(&[("re_1", 1_000, false), ("re_2", 1_900, false)], 0, 2_900, 500);
    }

    #[test]
    fn a_refund_counts_once_if_both_it_and_its_charge_are_reported() {
        check(&[], 1_000, 1_000, 172);
        check(&[("re_1", 1_000, false)], 1_000, 1_000, 172);
        check(&[("re_1", 1_000, false)], 1_500, 1_500, 258);
    }

    #[test]
    fn a_failed_refund_claws_nothing_back() {
        check(&[("re_1", 1_000, true)], 0, 0, 0);
        check(&[("re_1", 1_000, true)], 1_000, 0, 0);
        check(&[("re_1", 1_000, true), ("re_2", 500, false)], 1_000, 500, 86);
    }

    #[test]
    fn a_clawback_never_exceeds_the_payment() {
        check(&[("re_1", 2_900, false), ("re_2", 2_900, false)], 9_000, 2_900, 500);
        check(&[("re_1", u64::MAX, false), ("re_2", 1, false)], 0, 2_900, 500);
        let refunds = refunds(&[("re_1", u64::MAX, false), ("re_2", 1, false)]);
        assert_eq!(Payment { refunds, ..Payment::default() }.credits_minor(), [u64::MAX, 1]);
        let free = Payment { paid_minor: Some(0), refunded_minor: 100, ..Payment::default() };
        assert_eq!(free.clawback_of(Tokens::new(500).unwrap()), Tokens::ZERO);
    }

    #[test]
    fn the_latest_status_of_a_dispute_counts_in_any_order_of_arrival() {
        let facts = |status| Payment {
            paid_minor: Some(2_900),
            disputes: BTreeMap::from([("dp_1".into(), Dispute { minor: 2_900, currency: None, status })]),
            ..Payment::default()
        };
        let open = facts(DisputeStatus::Open);
        let lost = facts(DisputeStatus::Closed { reported_at: 10, lost: true });
        let won = facts(DisputeStatus::Closed { reported_at: 20, lost: false });
        for order in [[&open, &lost, &won], [&won, &lost, &open], [&lost, &open, &won]] {
            let mut payment = Payment::default();
            order.iter().for_each(|facts| payment.join(facts));
            assert_eq!(payment, won);
            assert_eq!((payment.is_disputed(), payment.returned_minor()), (false, 0));
        }
        assert_eq!((open.is_disputed(), open.returned_minor()), (true, 0));
        assert_eq!((lost.is_disputed(), lost.returned_minor()), (false, 2_900));
    }
}
