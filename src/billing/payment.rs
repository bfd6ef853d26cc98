//! Purchases of packs: the facts about a payment, and the tokens that remain after refunds and disputes.
//!
//! Stripe's events arrive late, more than once and in any order. So a payment is stored as a set of facts that only
//! grows: joining the same facts again, or in another order, gives the same result ([`Payment::join`]). The clawback is
//! computed from all facts, and the lots are adjusted to it. No event is acted on alone.

mod stored;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use self::stored::StoredPayment;
use crate::{
    billing::{
        document::InvoiceDocument,
        money::{Currency, Money},
    },
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
    /// The price.
    pub price: Money,
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

/// The facts of a payment, joined from everything that Stripe reported. The amounts are in minor units of its currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredPayment")]
pub struct Payment {
    /// The progress of the payment.
    pub stage: Stage,
    /// The currency of the charge and of its refunds. `None` if it was not reported: it is the price's.
    pub currency: Option<Currency>,
    /// The amount paid: 0 if the order was free of charge, `None` until it is paid.
    pub paid_minor: Option<u64>,
    /// The amount that Stripe showed the customer, if in another currency.
    pub presented: Option<Money>,
    /// The refunds, by Stripe id.
    pub refunds: BTreeMap<String, Refund>,
    /// The largest refund total that the charge reported. It may arrive before the refunds themselves.
    pub refunded_minor: u64,
    /// The disputes, by Stripe id.
    pub disputes: BTreeMap<String, Dispute>,
    /// The payment's Stripe ids.
    pub stripe_ids: StripeIds,
    /// Stripe's invoice document. `None` until it is issued.
    pub document: Option<Box<InvoiceDocument>>,
}

/// The Stripe ids of a payment's parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StripeIds {
    /// The Checkout session: `cs_…`.
    pub session: Option<String>,
    /// The PaymentIntents: `pi_…`. Usually one.
    #[serde(alias = "payment_intent", deserialize_with = "stored::ids")]
    pub payment_intents: BTreeSet<String>,
    /// The charges: `ch_…`. Usually one.
    #[serde(alias = "charge", deserialize_with = "stored::ids")]
    pub charges: BTreeSet<String>,
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
    /// The amount, in minor units of the payment's currency.
    #[serde(alias = "cents")]
    pub minor: u64,
    /// Whether it failed or was canceled. Then the money is not returned, and the customer keeps the tokens.
    pub failed: bool,
}

/// A dispute (chargeback) of the payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The amount, in minor units of its currency.
    #[serde(alias = "cents")]
    pub minor: u64,
    /// Its currency, which may be the bank's. `None` if it was not reported: it is the payment's.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Open, or the decision.
    pub status: DisputeStatus,
}

/// The status of a dispute. If two are reported, the later in this order counts; closed is always later than open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum DisputeStatus {
    /// An inquiry: the bank asks, and no money is withheld.
    Inquiry,
    /// Undecided. The money is withheld.
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
        // Exhaustive, so that a new fact can't be forgotten here.
        let Self { stage, currency, paid_minor, presented, refunds, refunded_minor, disputes, stripe_ids, document } =
            facts;
        self.stage = self.stage.max(*stage);
        self.currency = self.currency.max(*currency);
        self.paid_minor = self.paid_minor.max(*paid_minor);
        let order = |money: &Option<Money>| money.map(|it| (it.currency, it.minor));
        self.presented = [self.presented, *presented].into_iter().max_by_key(order).flatten();
        self.refunded_minor = self.refunded_minor.max(*refunded_minor);
        for (id, new) in refunds {
            let refund = self.refunds.entry(id.clone()).or_insert(*new);
            refund.minor = refund.minor.max(new.minor);
            refund.failed |= new.failed;
        }
        for (id, new) in disputes {
            let dispute = self.disputes.entry(id.clone()).or_insert(*new);
            dispute.minor = dispute.minor.max(new.minor);
            dispute.currency = dispute.currency.max(new.currency);
            dispute.status = dispute.status.max(new.status);
        }
        self.document = self.document.take().max(document.clone());
        let StripeIds { session, payment_intents, charges, receipt_url } = stripe_ids;
        self.stripe_ids.session = self.stripe_ids.session.take().max(session.clone());
        self.stripe_ids.payment_intents.extend(payment_intents.iter().cloned());
        self.stripe_ids.charges.extend(charges.iter().cloned());
        self.stripe_ids.receipt_url = self.stripe_ids.receipt_url.take().max(receipt_url.clone());
    }

    /// Returns the part of the paid amount that went back to the customer, in minor units: refunds that did not fail and
    /// lost disputes.
    pub fn returned_minor(&self) -> u64 {
        let failed: u64 = self.refunds.values().filter(|refund| refund.failed).map(|refund| refund.minor).sum();
        let every: u64 = self.refunds.values().map(|refund| refund.minor).sum();
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
        let rest = self.returned_minor().saturating_sub(credits.iter().sum());
        credits.extend((rest > 0).then_some(rest));
        credits
    }

    fn minor_in_disputes(&self, counts: impl Fn(DisputeStatus) -> bool) -> u64 {
        let paid = self.paid_minor.unwrap_or_default();
        // Amounts of different currencies can't be added. A dispute is usually about the whole payment.
        let in_paid = |dispute: &Dispute| if self.is_in_other_currency(dispute) { paid } else { dispute.minor };
        self.disputes.values().filter(|dispute| counts(dispute.status)).map(in_paid).fold(0, u64::saturating_add)
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

/// Returns `amount × part / whole`, rounded down; zero if `whole` is.
pub(super) fn share(amount: Tokens, part: u64, whole: u64) -> Tokens {
    let amount = u128::from(amount.get().unsigned_abs());
    let share = (amount * u128::from(part)).checked_div(u128::from(whole)).unwrap_or_default();
    i64::try_from(share).ok().and_then(|share| Tokens::new(share).ok()).unwrap_or(Tokens::MAX)
}

impl StripeIds {
    /// Returns the ids that events name a payment by: the most specific first.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.session.iter().chain(&self.payment_intents).chain(&self.charges)
    }
}

impl Purchase {
    /// Returns the amount paid, or `None` until it is paid.
    pub fn paid(&self) -> Option<Money> {
        self.payment.paid_minor.map(|minor| Money::new(minor, self.currency()))
    }

    /// Whether joining `facts` would change the amount paid or its currency.
    pub fn has_other_amount(&self, facts: &Payment) -> bool {
        let mut joined = self.clone();
        joined.payment.join(facts);
        joined.paid() != self.paid()
    }

    /// Returns the amount that went back to the customer.
    pub fn returned(&self) -> Money {
        Money::new(self.payment.returned_minor(), self.currency())
    }

    /// Returns what went back to the customer, one amount for each refund and lost dispute.
    pub fn credits(&self) -> Vec<Money> {
        self.payment.credits_minor().into_iter().map(|minor| Money::new(minor, self.currency())).collect()
    }

    /// Returns the currency of the payment.
    fn currency(&self) -> Currency {
        self.payment.currency.unwrap_or(self.price.currency)
    }

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
