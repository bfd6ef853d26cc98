//! What the server's storage loads of an account before it decides: not all of it.

use std::collections::BTreeSet;

use crate::{
    account::Account,
    command::{Caller, Command},
    grant::Source,
    ids::{GrantId, HoldId, TransactionId},
    time::Instant,
};

/// The part of `account` that is loaded to decide on `commands` until `now`.
pub(super) fn load(account: &Account, commands: &[&Command], now: Instant) -> Account {
    let holds: BTreeSet<HoldId> = commands.iter().filter_map(|command| named_hold(command)).collect();
    let spends: BTreeSet<TransactionId> = commands.iter().filter_map(|command| named_spend(command)).collect();
    let guards: BTreeSet<_> = commands.iter().filter_map(|command| caller(command)?.guard()).collect();

    let mut loaded = account.clone();
    loaded.holds.retain(|id, hold| holds.contains(id) || (hold.is_open() && hold.expires_at <= now));
    loaded.spends.retain(|id, _| spends.contains(id));
    loaded.guards.retain(|id, _| guards.contains(id));
    let parts = loaded.holds.values().map(|hold| &hold.parts).chain(loaded.spends.values().map(|spend| &spend.parts));
    let named: BTreeSet<GrantId> = parts.flatten().map(|part| part.grant).collect();
    let period = account.terms.period_start;
    loaded.grants.retain(|id, grant| {
        let is_allowance = grant.source == Source::Plan && grant.period_start == period;
        !grant.remaining.is_zero() || is_allowance || named.contains(id)
    });
    loaded
}

fn named_hold(command: &Command) -> Option<HoldId> {
    match command {
        Command::Capture { hold, .. } | Command::Release { hold, .. } => Some(*hold),
        _ => None,
    }
}

pub(super) fn named_spend(command: &Command) -> Option<TransactionId> {
    match command {
        Command::Refund { transaction, .. } => Some(*transaction),
        _ => None,
    }
}

fn caller(command: &Command) -> Option<Caller> {
    match command {
        Command::Spend(usage) | Command::OpenHold { r#use: usage, .. } => Some(usage.caller),
        _ => None,
    }
}
