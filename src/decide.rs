//! The decision: which changes and entries a command causes, or why it is refused.

mod advance;
mod allowance;
mod billing;
mod changes;
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
#[cfg(test)]
pub(crate) mod tests;

pub use self::changes::Changes;
use self::draft::Draft;
use crate::{
    access::{guard::Guard, refusal::Refusal},
    catalog::Catalog,
    command::{Command, Usage},
    ids::{GuardId, TransactionId},
    ledger::{
        account::Account,
        entry::{Entry, EntryHash},
        outcome::{Effect, Outcome},
    },
    time::Instant,
};

/// The inputs of a decision besides the account and the command.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The catalog.
    pub catalog: &'a Catalog,
    /// The current instant, truncated to microseconds.
    pub now: Instant,
    /// The id of the command's transaction. The ids of new grants and holds are derived from it.
    pub transaction: TransactionId,
}

/// The result of an accepted command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The changed parts of the account, each in its new state.
    pub changes: Changes,
    /// The entries to append, in order, each with its hash.
    pub entries: Vec<(Entry, EntryHash)>,
    /// The outcome for the caller.
    pub outcome: Outcome,
}

/// Decides on one command. Pure, total and deterministic.
///
/// Everything due at `cx.now` (expired holds and grants, the reset, license steps) is booked first, as part of the same
/// decision.
///
/// # Errors
/// The first [`Refusal`] that applies. Then nothing changes, except possibly the caller's guard ([`after_refusal`]).
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
        Command::RecordPayment { purchase, facts } => purchases::record_payment(&mut draft, *purchase, facts)?,
        Command::RecordInvoices { facts } => billing::record_invoices(&mut draft, facts),
        Command::SyncSubscriptions { snapshot, reported, invoices } => {
            billing::sync_subscriptions(&mut draft, snapshot, reported, invoices)
        }
        Command::Suspend(by) => license::suspend(&mut draft, by)?,
        Command::Lift(by) => license::lift_suspension(&mut draft, by)?,
        Command::Advance => Effect::Advanced,
    };
    Ok(draft.finish(effect))
}

/// Whether an [`Advance`](Command::Advance) would change anything. The tests compare it with [`Account::due_at`].
#[cfg(test)]
fn is_due(account: &Account, cx: &Context<'_>) -> bool {
    let mut draft = Draft::new(account, cx);
    draft.advance();
    !draft.finish(Effect::Advanced).changes.is_empty()
}

/// Returns the guard of a refused caller, or `None` if the refusal does not change it.
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

/// Counts an admitted use in the caller's guard.
fn count_admitted(draft: &mut Draft<'_>, usage: &Usage) {
    if let Some(id) = usage.caller.guard() {
        let limits = entitlement::limits(draft.cx.catalog, &usage.caller);
        let guard = draft.guard(id).after_admitted(&limits, draft.cx.now);
        // Without limits the guard would never be read.
        if limits.requests.is_some() || limits.interval_seconds > 0 {
            draft.changes.guards.insert(id, guard);
        }
    }
}
