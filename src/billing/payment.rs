//! Purchases of packs: the facts about a payment, and the tokens that remain after refunds and disputes.
//!
//! Stripe's events arrive late, more than once and in any order. So a payment is stored as a set of facts that only
//! grows: joining the same facts again, or in another order, gives the same result ([`Payment::join`]). The clawback is
//! computed from all facts, and the lots are adjusted to it. No event is acted on alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{GrantId, PurchaseId},
    ledger::tokens::Tokens,
    names::{PackName, TokenType},
    time::Instant,
};

/// An ordered pack, with the price and tokens at the time of the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// The purchase's id. Stripe gets it with the order and returns it with the payment.
    pub id: PurchaseId,
    /// The pack.
    pub pack: PackName,
    /// The pack's label in the UI.
    pub label: String,
    /// The price, in cents.
    pub price_cents: u32,
    /// The tokens, by type.
    pub tokens: BTreeMap<TokenType, Tokens>,
    /// The payment facts from Stripe.
    pub payment: Payment,
    /// The credited tokens; `None` until the purchase is paid.
    pub credit: Option<Credit>,
}

/// The tokens and the receipt of a paid purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// The receipt number: 1, 2, 3, … per organization without gaps, plans included.
    pub number: i64,
    /// When the tokens were credited.
    pub at: Instant,
    /// The tokens, one lot per type.
    pub lots: Vec<Lot>,
}

/// The tokens of one type that a purchase credited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// The token type.
    pub token_type: TokenType,
    /// The grant that holds the tokens.
    pub grant: GrantId,
    /// The tokens credited.
    pub amount: Tokens,
    /// The tokens clawed back so far, including those that became debt.
    pub clawed_back: Tokens,
    /// The part of `clawed_back` that became debt, because it was spent or held, and is not paid yet.
    pub owed: Tokens,
    /// The tokens set aside while the payment is disputed.
    pub frozen: Tokens,
}

/// The facts of a payment, joined from everything that Stripe reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Payment {
    /// The progress of the payment.
    pub stage: Stage,
    /// The amount paid, in cents; 0 until it is paid.
    pub paid_cents: u64,
    /// The refunds, by Stripe id.
    pub refunds: BTreeMap<String, Refund>,
    /// The largest refund total that the charge reported, in cents. It may arrive before the refunds themselves.
    pub refunded_cents: u64,
    /// The disputes, by Stripe id.
    pub disputes: BTreeMap<String, Dispute>,
    /// The payment's Stripe ids.
    pub stripe_ids: StripeIds,
}

/// The Stripe ids of a payment's parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StripeIds {
    /// The Checkout session: `cs_…`.
    pub session: Option<String>,
    /// The PaymentIntent: `pi_…`.
    pub payment_intent: Option<String>,
    /// The successful charge: `ch_…`.
    pub charge: Option<String>,
    /// The address of Stripe's own receipt.
    pub receipt_url: Option<String>,
}

/// The progress of a payment. It only moves forward in this order: a paid payment stays paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The customer has not finished with Checkout.
    #[default]
    Open,
    /// Checkout is finished, but the bank needs days to confirm the payment.
    Pending,
    /// The Checkout session expired without payment.
    Expired,
    /// The bank rejected the payment.
    Failed,
    /// The payment succeeded.
    Paid,
}

/// A refund of the payment, in whole or in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// The amount, in cents.
    pub cents: u64,
    /// Whether it failed or was canceled. Then the money is not returned, and the customer keeps the tokens.
    pub failed: bool,
}

/// A dispute (chargeback) of the payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The amount, in cents.
    pub cents: u64,
    /// Open, or the decision.
    pub status: DisputeStatus,
}

/// The status of a dispute. If two are reported, the later counts; closed is always later than open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum DisputeStatus {
    /// Undecided.
    Open,
    /// Decided.
    Closed {
        /// When Stripe reported the decision, in Unix seconds.
        reported_at: i64,
        /// Whether the dispute was lost, so that the money went back.
        lost: bool,
    },
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 5] = [Self::Open, Self::Pending, Self::Expired, Self::Failed, Self::Paid];

    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Pending => "pending",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Paid => "paid",
        }
    }
}

impl Stage {
    /// Whether the payment may still succeed.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Pending)
    }
}

impl Payment {
    /// Adds `facts`. Commutative, associative and idempotent, so the order and repetition of events do not matter.
    pub fn join(&mut self, facts: &Self) {
        self.stage = self.stage.max(facts.stage);
        self.paid_cents = self.paid_cents.max(facts.paid_cents);
        self.refunded_cents = self.refunded_cents.max(facts.refunded_cents);
        for (id, new) in &facts.refunds {
            let refund = self.refunds.entry(id.clone()).or_insert(*new);
            refund.cents = refund.cents.max(new.cents);
            refund.failed |= new.failed;
        }
        for (id, new) in &facts.disputes {
            let dispute = self.disputes.entry(id.clone()).or_insert(*new);
            dispute.cents = dispute.cents.max(new.cents);
            dispute.status = dispute.status.max(new.status);
        }
        for (name, new) in [
            (&mut self.stripe_ids.session, &facts.stripe_ids.session),
            (&mut self.stripe_ids.payment_intent, &facts.stripe_ids.payment_intent),
            (&mut self.stripe_ids.charge, &facts.stripe_ids.charge),
            (&mut self.stripe_ids.receipt_url, &facts.stripe_ids.receipt_url),
        ] {
            if *new > *name {
                name.clone_from(new);
            }
        }
    }

    /// Returns the cents that went back to the customer: refunds that did not fail and lost disputes, capped at
    /// `paid_cents`.
    pub fn returned_cents(&self) -> u64 {
        let failed: u64 = self.refunds.values().filter(|refund| refund.failed).map(|refund| refund.cents).sum();
        let every: u64 = self.refunds.values().map(|refund| refund.cents).sum();
        let lost = |dispute: &&Dispute| matches!(dispute.status, DisputeStatus::Closed { lost: true, .. });
        let lost: u64 = self.disputes.values().filter(lost).map(|dispute| dispute.cents).sum();
        let refunded = every.max(self.refunded_cents).saturating_sub(failed);
        refunded.saturating_add(lost).min(self.paid_cents)
    }

    /// Whether a dispute is open.
    pub fn is_disputed(&self) -> bool {
        self.disputes.values().any(|dispute| dispute.status == DisputeStatus::Open)
    }

    /// Whether joining `facts` would change the clawback or whether tokens are frozen.
    pub fn affects_tokens(&self, facts: &Self) -> bool {
        let mut joined = self.clone();
        joined.join(facts);
        (joined.returned_cents(), joined.is_disputed()) != (self.returned_cents(), self.is_disputed())
    }

    /// Returns the clawback of `amount` tokens: the same share as of the money, rounded down to whole tokens in the
    /// customer's favor. All of them if the whole payment went back.
    pub fn clawback_of(&self, amount: Tokens) -> Tokens {
        if self.paid_cents == 0 {
            return Tokens::ZERO;
        }
        let amount = u128::from(amount.get().unsigned_abs());
        let part = amount * u128::from(self.returned_cents()) / u128::from(self.paid_cents);
        i64::try_from(part).ok().and_then(|part| Tokens::new(part).ok()).unwrap_or(Tokens::MAX)
    }
}

impl Purchase {
    /// Whether its lots may have to change with its payment: the payment is disputed, a lot's clawback is not up to
    /// date, or tokens are owed or frozen. Every command that can return tokens to its lots must then load it.
    pub fn needs_reconciliation(&self) -> bool {
        let open = |lot: &Lot| {
            let up_to_date = lot.clawed_back == self.payment.clawback_of(lot.amount);
            !(up_to_date && lot.owed.is_zero() && lot.frozen.is_zero())
        };
        let disputed = self.payment.is_disputed();
        self.credit.as_ref().is_some_and(|credit| disputed || credit.lots.iter().any(open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refunds(of: &[(&str, u64, bool)]) -> BTreeMap<String, Refund> {
        of.iter().map(|(id, cents, failed)| ((*id).into(), Refund { cents: *cents, failed: *failed })).collect()
    }

    /// Checks the cents returned and the tokens clawed back from 2,900 cents for 500 tokens, given the refunds and the
    /// charge's refund total.
    #[track_caller]
    fn check(of: &[(&str, u64, bool)], refunded_cents: u64, cents: u64, tokens: i64) {
        let payment = Payment {
            stage: Stage::Paid,
            paid_cents: 2_900,
            refunds: refunds(of),
            refunded_cents,
            ..Payment::default()
        };
        assert_eq!(payment.returned_cents(), cents);
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
        let free = Payment { stage: Stage::Paid, refunded_cents: 100, ..Payment::default() };
        assert_eq!(free.clawback_of(Tokens::new(500).unwrap()), Tokens::ZERO);
    }

    #[test]
    fn the_latest_status_of_a_dispute_counts_in_any_order_of_arrival() {
        let facts = |status| Payment {
            paid_cents: 2_900,
            disputes: BTreeMap::from([("dp_1".into(), Dispute { cents: 2_900, status })]),
            ..Payment::default()
        };
        let open = facts(DisputeStatus::Open);
        let lost = facts(DisputeStatus::Closed { reported_at: 10, lost: true });
        let won = facts(DisputeStatus::Closed { reported_at: 20, lost: false });
        for order in [[&open, &lost, &won], [&won, &lost, &open], [&lost, &open, &won]] {
            let mut payment = Payment::default();
            order.iter().for_each(|facts| payment.join(facts));
            assert_eq!(payment, won);
            assert_eq!((payment.is_disputed(), payment.returned_cents()), (false, 0));
        }
        assert_eq!((open.is_disputed(), open.returned_cents()), (true, 0));
        assert_eq!((lost.is_disputed(), lost.returned_cents()), (false, 2_900));
    }
}
