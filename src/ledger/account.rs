//! An organization's account: the state that the writer locks, decides on and writes back.

use std::collections::BTreeMap;

use crate::{
    access::guard::Guard,
    billing::{
        invoices::Invoices,
        license::{License, Restriction, Rung},
        payment::Purchase,
        period::{Anchor, Period},
        standing::NextPlan,
        subscription::Subscriptions,
    },
    ids::{GrantId, GuardId, HoldId, MemberId, OrgId, PurchaseId, TransactionId},
    ledger::{
        balance::Balance,
        entry::EntryHash,
        grant::{Grant, GrantPart},
        hold::Hold,
    },
    names::{FeatureName, PlanName, TokenType},
    time::Instant,
};

/// The token state of one organization.
///
/// A loaded account may be partial. It must contain what the commands at hand can touch:
///
/// - every grant with tokens left, and the allowances of the newest period even if used up (an upgrade raises them);
/// - every open hold that is due;
/// - the grants, holds, spends, purchases and guards that the commands name;
/// - if a command can return tokens, also the purchases that [need reconciliation](Purchase::needs_reconciliation);
/// - the grants of every loaded purchase.
///
/// Loading more than that never changes a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The organization.
    pub org: OrgId,
    /// The plan, license and billing period.
    pub terms: Terms,
    /// The last entry of the ledger.
    pub head: Head,
    /// The balances, by token type. A missing type has a zero balance.
    pub balances: BTreeMap<TokenType, Balance>,
    /// The lots of tokens.
    pub grants: BTreeMap<GrantId, Grant>,
    /// The reservations.
    pub holds: BTreeMap<HoldId, Hold>,
    /// The request windows and blocks of members and API keys.
    pub guards: BTreeMap<GuardId, Guard>,
    /// The spends that a refund names.
    pub spends: BTreeMap<TransactionId, PastSpend>,
    /// The ordered packs.
    pub purchases: BTreeMap<PurchaseId, Purchase>,
    /// The invoice facts. Loaded only if a command records invoices or depends on them.
    pub invoices: Invoices,
    /// The record of its subscriptions. Loaded only for commands that sync the subscriptions, record invoices or lift a
    /// suspension.
    pub subscriptions: Subscriptions,
    /// The last receipt number, for packs and plans together; 0 before the first. Loaded only for commands that record
    /// a payment or invoices.
    pub receipt_number: i64,
}

/// The plan, license and billing period of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The current plan.
    pub plan: PlanName,
    /// The plan that starts later, usually at a reset; `None` if the plan does not change.
    pub next_plan: Option<NextPlan>,
    /// The payment state of the plan.
    pub license: License,
    /// The restriction recorded by the last license step. Rungs reached since then are not booked yet.
    pub announced: Restriction,
    /// Since when a payment for the plan is overdue, or from when on it will be; `None` if nothing is due.
    pub overdue_from: Option<Instant>,
    /// A billing period that starts at or after this instant has no allowance until it is paid. `None`: no limit.
    pub allowance_until: Option<Instant>,
    /// The instant from which billing periods are counted.
    pub anchor: Anchor,
    /// The start of the newest period that was started; `None` before the first reset. Never moves back.
    pub period_start: Option<Instant>,
    /// When the account was closed; `None` if it is open.
    pub closed_at: Option<Instant>,
}

impl Terms {
    /// Returns the current period. If the clock jumped back, this is still the newest period that was started.
    pub fn period(&self, now: Instant) -> Period {
        self.anchor.period_at(self.period_start.map_or(now, |start| start.max(now)))
    }

    /// Whether a billing period that starts at `start` has its allowance: it is paid, on trial, or in the grace period of
    /// `ladder`.
    pub fn grants_allowance(&self, start: Instant, ladder: &[Rung]) -> bool {
        let suspended = self.overdue_from.and_then(|since| License::Grace { since }.suspended_at(ladder));
        [self.allowance_until, suspended].into_iter().flatten().all(|end| start < end)
    }
}

/// The last entry of an organization's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The sequence number of the last entry; 0 before the first.
    pub seq: i64,
    /// The hash of the last entry; the genesis hash before the first.
    pub hash: EntryHash,
}

/// A spend, read back from the ledger for a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastSpend {
    /// The token type.
    pub token_type: TokenType,
    /// The feature that was used.
    pub feature: FeatureName,
    /// The member the use counts for; `None` for an API key that acted for no member.
    pub member: Option<MemberId>,
    /// The grants it burned.
    pub parts: Vec<GrantPart>,
    /// The transaction of the refund; `None` if it has not been refunded.
    pub refunded_by: Option<TransactionId>,
}

impl Account {
    /// Returns a new account without tokens. The first command starts its first period, with the allowance.
    pub fn open(org: OrgId, plan: PlanName, anchor: Anchor) -> Self {
        Self {
            org,
            terms: Terms {
                plan,
                next_plan: None,
                license: License::Active,
                announced: Restriction::None,
                overdue_from: None,
                allowance_until: None,
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
            subscriptions: Subscriptions::default(),
            receipt_number: 0,
        }
    }

    /// Returns the balance of `token_type`, zero if the account never had any.
    pub fn balance(&self, token_type: &TokenType) -> Balance {
        self.balances.get(token_type).copied().unwrap_or_default()
    }
}

impl Account {
    /// Returns when [`Command::Advance`](crate::command::Command::Advance) is next due: the earliest of the reset, the
    /// expiry of a grant or of a loaded hold, the next plan, the start of grace, and the next rung of `ladder`. `None` for
    /// a closed account without tokens.
    pub fn due_at(&self, ladder: &[Rung]) -> Option<Instant> {
        let reset = match self.terms.period_start {
            _ if self.terms.closed_at.is_some() => None,
            // No period was started yet, so the first one is overdue.
            None => Some(self.terms.anchor.0),
            Some(start) => Some(self.terms.anchor.period_at(start).end),
        };
        let grants = self.grants.values().filter(|grant| !grant.free().is_zero()).filter_map(|grant| grant.expires_at);
        let holds = self.holds.values().filter(|hold| hold.is_open()).map(|hold| hold.expires_at);
        let rung = self.terms.license.next_unannounced(self.terms.announced, ladder);
        let grace = self.terms.overdue_from.filter(|_| self.terms.license == License::Active);
        let next_plan = self.terms.next_plan.as_ref().map(|next| next.from);
        let open = [grace, next_plan].into_iter().flatten().filter(|_| self.terms.closed_at.is_none());
        reset.into_iter().chain(grants).chain(holds).chain(rung).chain(open).min()
    }
}
