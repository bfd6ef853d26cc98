//! Loads of each account what the commands at hand can touch.

use std::collections::BTreeMap;

use brightmeter::{
    account::Account,
    command::Command,
    grant::Part,
    guard::GuardId,
    ids::{GrantId, HoldId, TransactionId},
    time::Instant,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Submission;
use crate::storage::{StorageError, balances, entries, grants, guards, holds};

/// What commands name besides their account.
#[derive(Default)]
struct Named {
    holds: Vec<(Uuid, HoldId)>,
    spends: Vec<(Uuid, TransactionId)>,
    guards: Vec<(Uuid, GuardId)>,
}

impl Named {
    fn of(submissions: &[&Submission]) -> Self {
        let mut named = Self::default();
        for Submission { org, command, .. } in submissions {
            match command {
                Command::Spend(usage) | Command::OpenHold { r#use: usage, .. } => {
                    named.guards.extend(usage.caller.guard().map(|id| (org.0, id)));
                }
                Command::Capture { hold, .. } | Command::Release { hold, .. } => named.holds.push((org.0, *hold)),
                Command::Refund { transaction, .. } => named.spends.push((org.0, *transaction)),
                Command::Grant { .. } | Command::Adjust { .. } | Command::ChangePlan { .. } | Command::Advance => {}
            }
        }
        named.guards.sort_unstable();
        named.guards.dedup();
        named
    }
}

/// Loads the parts of `accounts` that `submissions`, and time, can touch.
pub(super) async fn parts(
    tx: &mut PgConnection,
    accounts: Vec<Account>,
    submissions: &[&Submission],
    now: Instant,
) -> Result<Vec<Account>, StorageError> {
    load(tx, accounts, &Named::of(submissions), now).await
}

/// Loads the parts of one account that time can touch, and the guard of one caller: what a question needs.
pub(crate) async fn for_question(
    tx: &mut PgConnection,
    account: Account,
    guard: Option<GuardId>,
    now: Instant,
) -> Result<Account, StorageError> {
    let named = Named { guards: guard.into_iter().map(|id| (account.org.0, id)).collect(), ..Named::default() };
    let mut loaded = load(tx, vec![account], &named, now).await?;
    loaded.pop().ok_or_else(|| StorageError::Corrupt("an account was lost while it was loaded".into()))
}

async fn load(
    tx: &mut PgConnection,
    accounts: Vec<Account>,
    named: &Named,
    now: Instant,
) -> Result<Vec<Account>, StorageError> {
    let orgs: Vec<Uuid> = accounts.iter().map(|account| account.org.0).collect();
    let mut accounts: BTreeMap<Uuid, Account> = accounts.into_iter().map(|account| (account.org.0, account)).collect();
    let mut parts: Vec<(Uuid, GrantId)> = Vec::new();
    let mut name_grants = |org: Uuid, of: &[Part]| parts.extend(of.iter().map(|part| (org, part.grant)));

    for (org, hold) in holds::list(tx, &orgs, &named.holds, now).await? {
        name_grants(org, &hold.parts);
        if let Some(account) = accounts.get_mut(&org) {
            account.holds.insert(hold.id, hold);
        }
    }
    if !named.spends.is_empty() {
        for (org, id, spend) in entries::list_spends(tx, &named.spends).await? {
            name_grants(org, &spend.parts);
            if let Some(account) = accounts.get_mut(&org) {
                account.spends.insert(id, spend);
            }
        }
    }
    for (org, grant) in grants::list(tx, &orgs, &parts).await? {
        if let Some(account) = accounts.get_mut(&org) {
            account.grants.insert(grant.id, grant);
        }
    }
    if !named.guards.is_empty() {
        for (org, id, guard) in guards::list(tx, &named.guards).await? {
            if let Some(account) = accounts.get_mut(&org) {
                account.guards.insert(id, guard);
            }
        }
    }
    for (org, token_type, balance) in balances::list(tx, &orgs).await? {
        if let Some(account) = accounts.get_mut(&org) {
            account.balances.insert(token_type, balance);
        }
    }
    Ok(accounts.into_values().collect())
}
