//! Partial loading: a decision on the loaded part of an account equals the decision on the whole.

use std::collections::BTreeSet;

use super::history::{self, History, at_every_step, check, events};
use crate::{
    command::{Caller, Command},
    decide::{Changes, after_refusal, decide, entitlement},
    ids::{GrantId, HoldId, PurchaseId, TransactionId},
    ledger::{account::Account, grant::Source},
    time::Instant,
};

/// The part of `account` that storage loads for `commands` at `now`.
fn load(account: &Account, commands: &[&Command], now: Instant) -> Account {
    let holds: BTreeSet<HoldId> = commands.iter().filter_map(|command| named_hold(command)).collect();
    let spends: BTreeSet<TransactionId> = commands.iter().filter_map(|command| named_spend(command)).collect();
    let purchases: BTreeSet<PurchaseId> = commands.iter().filter_map(|command| named_purchase(command)).collect();
    let guards: BTreeSet<_> = commands.iter().filter_map(|command| caller(command)?.guard()).collect();

    let mut loaded = account.clone();
    loaded.holds.retain(|id, hold| holds.contains(id) || (hold.is_open() && hold.expires_at <= now));
    loaded.spends.retain(|id, _| spends.contains(id));
    loaded.guards.retain(|id, _| guards.contains(id));
    let may_return = !(loaded.holds.is_empty() && spends.is_empty() && purchases.is_empty());
    loaded.purchases.retain(|id, purchase| purchases.contains(id) || (may_return && purchase.needs_reconciliation()));
    if !commands.iter().any(|command| matches!(command, Command::RecordPayment { .. } | Command::RecordInvoices { .. }))
    {
        loaded.receipt_number = 0;
    }
    let lots = loaded.purchases.values().flat_map(|purchase| &purchase.credit).flat_map(|credit| &credit.lots);
    let lots: Vec<GrantId> = lots.map(|lot| lot.grant).collect();
    let parts = loaded.holds.values().map(|hold| &hold.parts).chain(loaded.spends.values().map(|spend| &spend.parts));
    let named: BTreeSet<GrantId> = parts.flatten().map(|part| part.grant).chain(lots).collect();
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

fn named_purchase(command: &Command) -> Option<PurchaseId> {
    match command {
        Command::RecordPayment { purchase, .. } => Some(*purchase),
        _ => None,
    }
}

fn named_spend(command: &Command) -> Option<TransactionId> {
    match command {
        Command::Refund { transaction, .. } => Some(*transaction),
        _ => None,
    }
}

fn caller(command: &Command) -> Option<Caller> {
    match command {
        Command::Spend(usage) | Command::OpenHold { usage, .. } => Some(usage.caller),
        _ => None,
    }
}

#[test]
fn a_partly_loaded_account_decides_like_the_whole() {
    at_every_step(|history, step| {
        let part = load(&step.before, &[&step.command], step.now);
        let cx = step.cx(history);
        assert_eq!(decide(&part, &step.command, &cx), step.result, "{:?}", step.command);
        if let Err(refusal) = &step.result {
            let guard = |account| after_refusal(account, &step.command, refusal, &cx);
            assert_eq!(guard(&part), guard(&step.before));
        }
        if let Command::Spend(usage) = &step.command {
            assert_eq!(entitlement::check(&part, usage, &cx), entitlement::check(&step.before, usage, &cx));
        }
    });
}

/// Splits a history into batches that one database transaction can decide on. In a batch, only commands change the
/// account, and no spend is refunded in the batch that made it, because its id is unknown before the answer.
fn batches(history: &History, size: usize) -> Vec<&[history::Step]> {
    let mut batches = Vec::new();
    let mut rest = history.steps.as_slice();
    while !rest.is_empty() {
        let stops = |step: &history::Step| {
            let refunds_within =
                named_spend(&step.command).is_some_and(|spend| !rest[0].before.spends.contains_key(&spend));
            step.interrupted || refunds_within
        };
        let end = rest.iter().take(size).skip(1).position(stops).map_or(size.min(rest.len()), |index| index + 1);
        let (batch, others) = rest.split_at(end);
        batches.push(batch);
        rest = others;
    }
    batches
}

#[test]
fn a_batch_decides_like_its_commands_one_by_one() {
    check((events(), 1_usize..12), |(events, size)| {
        let history = History::play(&events);
        for batch in batches(&history, size) {
            let commands: Vec<&Command> = batch.iter().map(|step| &step.command).collect();
            let latest = batch.iter().map(|step| step.now).max().unwrap();
            let mut account = load(&batch[0].before, &commands, latest);
            let (mut merged, mut changes) = (account.clone(), Changes::default());
            for step in batch {
                let cx = step.cx(&history);
                let result = decide(&account, &step.command, &cx);
                assert_eq!(result, step.result, "{:?} in a batch of {}", step.command, batch.len());
                match result {
                    Ok(decision) => {
                        account.apply(&decision.changes);
                        changes.merge(decision.changes);
                    }
                    Err(refusal) => {
                        let guard = after_refusal(&account, &step.command, &refusal, &cx);
                        account.guards.extend(guard.clone());
                        changes.guards.extend(guard);
                    }
                }
            }
            merged.apply(&changes);
            assert_eq!(merged, account, "merged changes equal the changes applied one by one");
            let whole = &batch[batch.len() - 1].after;
            // Exhaustive: a new part of the account cannot be forgotten here. A batch loads past spends and the last
            // receipt number only where a command needs them.
            let Account {
                org,
                terms,
                head,
                balances,
                grants,
                holds,
                guards,
                spends: _,
                purchases,
                invoices,
                subscriptions,
                receipt_number: _,
            } = account;
            assert_eq!((org, head, &terms), (whole.org, whole.head, &whole.terms));
            assert_eq!((&invoices, &subscriptions), (&whole.invoices, &whole.subscriptions));
            assert_eq!(balances, whole.balances);
            assert!(grants.iter().all(|(id, grant)| whole.grants[id] == *grant));
            assert!(purchases.iter().all(|(id, purchase)| whole.purchases[id] == *purchase));
            assert!(holds.iter().all(|(id, hold)| whole.holds[id] == *hold));
            assert!(guards.iter().all(|(id, guard)| whole.guards[id] == *guard));
        }
    });
}
