//! An organization's account: what the writer locks, decides on and writes back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    access::guard::{Guard, GuardId},
    billing::{
        invoices::Invoices,
        license::{License, Restriction, Rung},
        payment::Purchase,
        period::{Anchor, Period},
        subscription::SubscriptionSnapshot,
    },
    ids::{GrantId, HoldId, MemberId, OrgId, PurchaseId, TransactionId},
    ledger::{
        entry::EntryHash,
        grant::{Grant, Part},
        hold::Hold,
        tokens::Tokens,
    },
    names::{FeatureName, PlanName, TokenType},
    time::Instant,
};

/// The state of one organization's tokens.
///
/// The maps need hold only what the commands at hand can touch: every grant with tokens left, the allowances of the newest
/// period even if they are used up (an upgrade raises them), every open hold that is due, and the grants, holds, spends,
/// purchases and guards that the commands name; where a command brings tokens back, also the purchases that are at stake, and
/// of every purchase at hand its grants. To decide from more than that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The organization.
    pub org: OrgId,
    /// Its plan, license and period.
    pub terms: Terms,
    /// Where its log stands.
    pub head: Head,
    /// Per token type.
    pub balances: BTreeMap<TokenType, Balance>,
    /// Lots of tokens.
    pub grants: BTreeMap<GrantId, Grant>,
    /// Reservations.
    pub holds: BTreeMap<HoldId, Hold>,
    /// How often callers asked.
    pub guards: BTreeMap<GuardId, Guard>,
    /// Spends that a refund names.
    pub spends: BTreeMap<TransactionId, PastSpend>,
    /// Packs that were ordered.
    pub purchases: BTreeMap<PurchaseId, Purchase>,
    /// What is known of its invoices; known where a command tells of one, or depends on them.
    pub invoices: Invoices,
    /// How its subscription stands, if Stripe was ever asked; known where a command tells of it or of an invoice, or lifts
    /// what staff have suspended.
    pub subscription: Option<SubscriptionSnapshot>,
    /// How many receipts are numbered, those of packs and of plans; known where a command tells of a payment or of an invoice.
    pub receipt_number: i64,
}

/// What the organization is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its plan.
    pub plan: PlanName,
    /// The smaller plan that the next reset brings.
    pub next_plan: Option<PlanName>,
    /// Whether the plan is paid.
    pub license: License,
    /// What is off, as far as its log says: rungs that time has reached since are yet to be booked.
    pub announced: Restriction,
    /// What its months are counted from.
    pub anchor: Anchor,
    /// The start of the newest period that an allowance was made for.
    pub period_start: Option<Instant>,
    /// Since when the account is closed.
    pub closed_at: Option<Instant>,
}

impl Terms {
    /// The current period: the newest that was started, also while the clock has jumped back before it.
    pub fn period(&self, now: Instant) -> Period {
        self.anchor.period_at(self.period_start.map_or(now, |start| start.max(now)))
    }
}

/// The end of an organization's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the last entry; 0 before the first.
    pub seq: i64,
    /// The hash of the last entry.
    pub hash: EntryHash,
}

/// The balance of one token type. `held ≤ settled`; none is ever negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Booked.
    pub settled: Tokens,
    /// Reserved by open holds.
    pub held: Tokens,
    /// What a clawback could not take; the next pack pays it first.
    pub debt: Tokens,
}

impl Balance {
    /// What a spend or a hold can take.
    pub fn available(&self) -> Tokens {
        self.settled.saturating_sub(self.held)
    }

    /// The balance after `amount` was spent.
    pub fn less(&self, amount: Tokens) -> Self {
        Self { settled: self.settled.saturating_sub(amount), ..*self }
    }

    /// How many more tokens fit.
    pub fn room(&self) -> Tokens {
        Tokens::MAX.saturating_sub(self.settled)
    }
}

/// A spend as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastSpend {
    /// The kind of tokens.
    pub token_type: TokenType,
    /// The feature that was used.
    pub feature: FeatureName,
    /// Whose use it was.
    pub member: Option<MemberId>,
    /// The grants that it burned.
    pub parts: Vec<Part>,
    /// The refund of it, if it was refunded.
    pub refunded_by: Option<TransactionId>,
}

impl Account {
    /// A new account without tokens; the first command brings its first allowance.
    pub fn open(org: OrgId, plan: PlanName, anchor: Anchor) -> Self {
        Self {
            org,
            terms: Terms {
                plan,
                next_plan: None,
                license: License::Active,
                announced: Restriction::None,
                anchor,
                period_start: None,
                closed_at: None,
            },
            head: Head { seq: 0, hash: EntryHash::genesis(org) },
            balances: BTreeMap::new(),
            grants: BTreeMap::new(),
            holds: BTreeMap::new(),
            guards: BTreeMap::new(),
            spends: BTreeMap::new(),
            purchases: BTreeMap::new(),
            invoices: Invoices::default(),
            subscription: None,
            receipt_number: 0,
        }
    }

    /// The balance of `token_type`; zero if it never had any.
    pub fn balance(&self, token_type: &TokenType) -> Balance {
        self.balances.get(token_type).copied().unwrap_or_default()
    }
}

impl Account {
    /// The earliest instant at which time brings something to book: the end of the period, a grant or one of the loaded
    /// holds that lapses, the next rung of the `ladder`. Nothing for a closed account without tokens.
    pub fn due_at(&self, ladder: &[Rung]) -> Option<Instant> {
        let reset = match self.terms.period_start {
            _ if self.terms.closed_at.is_some() => None,
            // Never started: the first period is due since ever.
            None => Some(self.terms.anchor.0),
            Some(start) => Some(self.terms.anchor.period_at(start).end),
        };
        let grants = self.grants.values().filter(|grant| !grant.free().is_zero()).filter_map(|grant| grant.expires_at);
        let holds = self.holds.values().filter(|hold| hold.is_open()).map(|hold| hold.expires_at);
        let rung = self.terms.license.after(self.terms.announced, ladder);
        reset.into_iter().chain(grants).chain(holds).chain(rung).min()
    }
}
