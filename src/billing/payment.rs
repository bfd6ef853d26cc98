//! Purchases of packs: what Stripe has told of a payment, and what that leaves of the pack's tokens.
//!
//! Events come late, twice, and in any order. So what is kept of a payment is a set of facts that only ever grows: joining the
//! same facts again, or in another order, leaves the same ([`Payment::join`]). What the facts amount to is computed from all of
//! them, and the lots are brought to that; no event is ever acted on by itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{GrantId, PurchaseId},
    ledger::tokens::Tokens,
    names::{PackName, TokenType},
    time::Instant,
};

/// A pack that was ordered, as it was on sale then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// Its id; Stripe gets it with the order and tells it with the payment.
    pub id: PurchaseId,
    /// The pack.
    pub pack: PackName,
    /// What people read for it.
    pub label: String,
    /// Its price, in cents.
    pub price_cents: u32,
    /// What it holds, by type.
    pub tokens: BTreeMap<TokenType, Tokens>,
    /// What Stripe has told.
    pub payment: Payment,
    /// What was made of it, once it was paid.
    pub credit: Option<Credit>,
}

/// What a paid purchase brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// The number of its receipt: 1, 2, 3, … in each organization, without gaps, those of plans among them.
    pub number: i64,
    /// When the tokens were credited.
    pub at: Instant,
    /// The tokens, by type.
    pub lots: Vec<Lot>,
}

/// The tokens of one type that a purchase brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// The kind of tokens.
    pub token_type: TokenType,
    /// The grant that they came as.
    pub grant: GrantId,
    /// How many.
    pub amount: Tokens,
    /// How many of them were taken back for returned money, what became debt included.
    pub clawed_back: Tokens,
    /// How many of those became debt, as they were spent or held, as far as it is not paid.
    #[serde(default)]
    pub owed: Tokens,
    /// How many are put aside while the payment is disputed.
    pub frozen: Tokens,
}

/// Everything that Stripe has told of a payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Payment {
    /// How far it is.
    pub stage: Stage,
    /// What was paid, in cents; 0 until it was.
    pub paid_cents: u64,
    /// Refunds, by Stripe's id.
    pub refunds: BTreeMap<String, Refund>,
    /// The most that a charge said of all its refunds together, in cents; it may come before they do.
    pub refunded_cents: u64,
    /// Disputes, by Stripe's id.
    pub disputes: BTreeMap<String, Dispute>,
    /// Stripe's names for it.
    pub stripe_ids: StripeIds,
}

/// What Stripe calls the parts of a payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StripeIds {
    /// The Checkout session: `cs_…`.
    pub session: Option<String>,
    /// The payment itself: `pi_…`.
    pub payment_intent: Option<String>,
    /// The charge that paid it: `ch_…`.
    pub charge: Option<String>,
    /// Stripe's own receipt.
    pub receipt_url: Option<String>,
}

/// How far a payment is. What is paid stays paid, whatever else is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The customer has not finished with Checkout.
    #[default]
    Open,
    /// Promised; the bank takes days to say whether it comes.
    Pending,
    /// Not paid in time.
    Expired,
    /// The bank did not pay.
    Failed,
    /// Paid.
    Paid,
}

/// A refund: a part of the payment that goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// How much, in cents.
    pub cents: u64,
    /// Whether it failed, or was called off: then the money stays, and so do the tokens.
    pub failed: bool,
}

/// A dispute: the customer's bank wants the payment back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// How much, in cents.
    pub cents: u64,
    /// How it stands.
    pub status: DisputeStatus,
}

/// How a dispute stands. Of two that were told, the later counts; a closed one is later than any open one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum DisputeStatus {
    /// Not decided.
    Open,
    /// Decided.
    Closed {
        /// When that was told, in seconds since 1970.
        reported_at: i64,
        /// Whether the money is gone.
        lost: bool,
    },
}

impl Stage {
    /// All of them.
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
    /// Whether it is not known yet if the money comes.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Pending)
    }
}

impl Payment {
    /// Adds what `facts` knows. Commutative, associative and idempotent, so that the order and the number of events do not matter.
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

    /// How much of it is gone again, in cents: refunds that did not fail, and lost disputes; at most what was paid.
    pub fn returned_cents(&self) -> u64 {
        let failed: u64 = self.refunds.values().filter(|refund| refund.failed).map(|refund| refund.cents).sum();
        let every: u64 = self.refunds.values().map(|refund| refund.cents).sum();
        let lost = |dispute: &&Dispute| matches!(dispute.status, DisputeStatus::Closed { lost: true, .. });
        let lost: u64 = self.disputes.values().filter(lost).map(|dispute| dispute.cents).sum();
        let refunded = every.max(self.refunded_cents).saturating_sub(failed);
        refunded.saturating_add(lost).min(self.paid_cents)
    }

    /// Whether a dispute about it is open.
    pub fn is_disputed(&self) -> bool {
        self.disputes.values().any(|dispute| dispute.status == DisputeStatus::Open)
    }

    /// Whether adding what `facts` knows would change what goes back, or what is put aside.
    pub fn would_move(&self, facts: &Self) -> bool {
        let mut joined = self.clone();
        joined.join(facts);
        (joined.returned_cents(), joined.is_disputed()) != (self.returned_cents(), self.is_disputed())
    }

    /// How many of `amount` tokens go back with the money: the same part of them, rounded down to whole tokens, so in the
    /// customer's favour; all of them once all the money is gone.
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
    /// Whether its tokens are not simply the customer's: its payment is disputed, or a lot does not follow its money yet, or tokens
    /// are owed or put aside. Then whatever brings tokens back to its lots has to look at it.
    pub fn is_at_stake(&self) -> bool {
        let open = |lot: &Lot| {
            let follows = lot.clawed_back == self.payment.clawback_of(lot.amount);
            !(follows && lot.owed.is_zero() && lot.frozen.is_zero())
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

    /// Of 2,900 cents for 500 tokens, these refunds and this sum of the charge's own take back.
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
    fn tokens_go_back_in_the_part_in_which_the_money_does_rounded_down() {
        check(&[], 0, 0, 0);
        check(&[("re_1", 1, false)], 0, 1, 0);
        check(&[("re_1", 1_000, false)], 0, 1_000, 172);
        check(&[("re_1", 1_000, false), ("re_2", 1_000, false)], 0, 2_000, 344);
        check(&[("re_1", 1_000, false), ("re_2", 1_900, false)], 0, 2_900, 500);
    }

    #[test]
    fn a_refund_counts_once_whether_it_or_its_charge_tells() {
        check(&[], 1_000, 1_000, 172);
        check(&[("re_1", 1_000, false)], 1_000, 1_000, 172);
        check(&[("re_1", 1_000, false)], 1_500, 1_500, 258);
    }

    #[test]
    fn a_refund_that_failed_takes_nothing() {
        check(&[("re_1", 1_000, true)], 0, 0, 0);
        check(&[("re_1", 1_000, true)], 1_000, 0, 0);
        check(&[("re_1", 1_000, true), ("re_2", 500, false)], 1_000, 500, 86);
    }

    #[test]
    fn no_more_goes_back_than_came() {
        check(&[("re_1", 2_900, false), ("re_2", 2_900, false)], 9_000, 2_900, 500);
        let free = Payment { stage: Stage::Paid, refunded_cents: 100, ..Payment::default() };
        assert_eq!(free.clawback_of(Tokens::new(500).unwrap()), Tokens::ZERO);
    }

    #[test]
    fn what_was_told_last_of_a_dispute_counts_whenever_it_is_heard() {
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
