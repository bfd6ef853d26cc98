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
