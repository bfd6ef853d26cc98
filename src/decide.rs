//! The one decision: what a command does to an account, or why not.

mod advance;
pub(crate) mod draft;
pub mod entitlement;
mod grants;
mod holds;
mod license;
mod plan;
#[cfg(test)]
mod properties;
mod purchases;
mod spends;
mod subscription;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::draft::Draft;
use crate::{
    access::{
        guard::{Guard, GuardId},
        refusal::Refusal,
    },
    billing::{invoices::Invoices, license::LicenseStep, payment::Purchase, subscription::SubscriptionSnapshot},
    catalog::Catalog,
    command::{Command, Usage},
    ids::{GrantId, HoldId, PurchaseId, TransactionId},
    ledger::{
        account::{Account, Balance, Head, Terms},
        entry::{Entry, EntryHash},
        grant::Grant,
        hold::Hold,
        outcome::{Effect, Outcome},
    },
    names::TokenType,
    time::Instant,
};

/// What a decision depends on besides the account and the command.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What is sold.
    pub catalog: &'a Catalog,
    /// The present instant, cut to microseconds.
    pub now: Instant,
    /// The id of the command's transaction; ids of what it makes are derived from it.
    pub transaction: TransactionId,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The parts of the account that change, each in its new state.
    pub changes: Changes,
    /// The entries to append, each with its hash, in order.
    pub entries: Vec<(Entry, EntryHash)>,
    /// What the caller is answered.
    pub outcome: Outcome,
}

/// The parts of an account that a decision changes, each in its new state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The plan, license or period.
    pub terms: Option<Terms>,
    /// The end of the log.
    pub head: Option<Head>,
    /// Balances.
    pub balances: BTreeMap<TokenType, Balance>,
    /// Grants, made or changed.
    pub grants: BTreeMap<GrantId, Grant>,
    /// Holds, opened or ended.
    pub holds: BTreeMap<HoldId, Hold>,
    /// Guards.
    pub guards: BTreeMap<GuardId, Guard>,
    /// Spends that were refunded, with the refund.
    pub refunds: BTreeMap<TransactionId, TransactionId>,
    /// What is known of invoices.
    pub invoices: Option<Invoices>,
    /// How its subscription stands.
    pub subscription: Option<SubscriptionSnapshot>,
    /// Steps of the license, in order.
    pub steps: Vec<LicenseStep>,
    /// Purchases, paid, or with more known of their payment.
    pub purchases: BTreeMap<PurchaseId, Purchase>,
}

impl Changes {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Decides on one command. Pure, total and deterministic.
///
/// What time has brought since the last command (expired holds and grants, a new period) is booked first, in the same
/// decision.
///
/// # Errors
/// The first [`Refusal`] that applies; then nothing changes but, perhaps, the caller's guard
/// ([`after_refusal`]).
pub fn decide(account: &Account, command: &Command, cx: &Context<'_>) -> Result<Decision, Refusal> {
    let mut draft = Draft::new(account, cx);
    draft.advance();
    let effect = match command {
        Command::Spend(usage) => spends::spend(&mut draft, usage)?,
        Command::OpenHold { usage, ttl_seconds, .. } => holds::open(&mut draft, usage, *ttl_seconds)?,
        Command::Capture { hold, amount, .. } => holds::capture(&mut draft, *hold, *amount)?,
        Command::Release { hold, reason } => holds::release(&mut draft, *hold, reason)?,
        Command::Refund { caller, transaction, reason } => spends::refund(&mut draft, *caller, *transaction, reason)?,
        Command::Grant { caller, token_type, amount, source, expires_at, note } => {
            let grant = grants::NewGrant { token_type, amount: *amount, source: *source, expires_at: *expires_at };
            grants::grant(&mut draft, *caller, grant, note.as_deref())?
        }
        Command::Adjust { caller, token_type, amount, reason } => {
            grants::adjust(&mut draft, *caller, token_type, *amount, reason)?
        }
        Command::ChangePlan { caller, plan } => plan::change(&mut draft, *caller, plan)?,
        Command::RecordPayment { purchase, facts } => purchases::settle(&mut draft, *purchase, facts)?,
        Command::RecordInvoices { facts } => license::bill(&mut draft, facts),
        Command::SyncSubscription { snapshot } => subscription::follow(&mut draft, snapshot),
        Command::Suspend(by) => license::suspend(&mut draft, by)?,
        Command::Lift(by) => license::lift(&mut draft, by)?,
        Command::Advance => Effect::Advanced,
    };
    Ok(draft.finish(effect))
}

/// Whether time has brought something that an [`Advance`](Command::Advance) would book: what [`Account::due_at`] is held against.
#[cfg(test)]
fn is_due(account: &Account, cx: &Context<'_>) -> bool {
    let mut draft = Draft::new(account, cx);
    draft.advance();
    !draft.finish(Effect::Advanced).changes.is_empty()
}

/// The guard of a refused caller, if the refusal changes it.
pub fn after_refusal(
    account: &Account,
    command: &Command,
    refusal: &Refusal,
    cx: &Context<'_>,
) -> Option<(GuardId, Guard)> {
    let (Command::Spend(usage) | Command::OpenHold { usage, .. }) = command else { return None };
    let id = usage.caller.guard().filter(|_| refusal.counts_towards_rate())?;
    let limits = entitlement::limits(cx.catalog, &usage.caller);
    let before = account.guards.get(&id).cloned().unwrap_or_default();
    let after = before.after_counted(&limits, cx.now);
    (after != before).then_some((id, after))
}

/// Books that `usage` was admitted.
fn count(draft: &mut Draft<'_>, usage: &Usage) {
    if let Some(id) = usage.caller.guard() {
        let limits = entitlement::limits(draft.cx.catalog, &usage.caller);
        let guard = draft.guard(id).after_admitted(&limits, draft.cx.now);
        // A caller without any limit needs no guard: nothing would ever read it.
        if limits.requests.is_some() || limits.interval_seconds > 0 {
            draft.changes.guards.insert(id, guard);
        }
    }
}

impl Account {
    /// The account after `changes`.
    pub fn apply(&mut self, changes: &Changes) {
        if let Some(terms) = &changes.terms {
            self.terms = terms.clone();
        }
        if let Some(head) = changes.head {
            self.head = head;
        }
        self.balances.extend(changes.balances.iter().map(|(name, balance)| (name.clone(), *balance)));
        self.grants.extend(changes.grants.iter().map(|(id, grant)| (*id, grant.clone())));
        self.holds.extend(changes.holds.iter().map(|(id, hold)| (*id, hold.clone())));
        self.guards.extend(changes.guards.iter().map(|(id, guard)| (*id, guard.clone())));
        if let Some(invoices) = &changes.invoices {
            let numbers = invoices.receipts().map(|(_, number, _)| number);
            self.receipt_number = numbers.fold(self.receipt_number, i64::max);
            self.invoices = invoices.clone();
        }
        if let Some(snapshot) = &changes.subscription {
            self.subscription = Some(snapshot.clone());
        }
        for (id, purchase) in &changes.purchases {
            self.receipt_number = self.receipt_number.max(purchase.credit.as_ref().map_or(0, |credit| credit.number));
            self.purchases.insert(*id, purchase.clone());
        }
        for (spend, refund) in &changes.refunds {
            if let Some(spend) = self.spends.get_mut(spend) {
                spend.refunded_by = Some(*refund);
            }
        }
    }
}
