//! Loads the parts of accounts that the commands of a batch can change.

use std::collections::BTreeMap;

use brightmeter::{
    command::Command,
    ids::{GrantId, GuardId, HoldId, PurchaseId, TransactionId},
    ledger::{
        account::Account,
        grant::{Grant, GrantPart},
    },
    time::Instant,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Submission;
use crate::storage::{
    StorageError, accounts::Found, entries, guards, holdings, holds, licenses, purchases, receipt_numbers,
};

/// The rows that commands refer to besides their account.
#[derive(Default)]
struct NamedRows {
    holds: Vec<(Uuid, HoldId)>,
    spends: Vec<(Uuid, TransactionId)>,
    purchases: Vec<(Uuid, PurchaseId)>,
    invoices: Vec<Uuid>,
    /// The organizations whose next receipt may be numbered.
    receipt_numbers: Vec<Uuid>,
    guards: Vec<(Uuid, GuardId)>,
}

impl NamedRows {
    fn of(submissions: &[&Submission]) -> Self {
        let mut named = Self::default();
        for Submission { org, command, .. } in submissions {
            match command {
                Command::Spend(usage) | Command::OpenHold { usage, .. } => {
                    named.guards.extend(usage.caller.guard().map(|id| (org.0, id)));
                }
                Command::Capture { hold, .. } | Command::Release { hold, .. } => named.holds.push((org.0, *hold)),
                Command::Refund { transaction, .. } => named.spends.push((org.0, *transaction)),
                Command::RecordInvoices { .. } | Command::SyncSubscriptions { .. } => {
                    named.invoices.push(org.0);
                    named.receipt_numbers.push(org.0);
                }
                Command::Lift(_) => named.invoices.push(org.0),
                Command::RecordPayment { purchase, .. } => {
                    named.purchases.push((org.0, *purchase));
                    named.receipt_numbers.push(org.0);
                }
                Command::Grant { .. }
                | Command::Adjust { .. }
                | Command::ChangePlan { .. }
                | Command::Suspend(_)
                | Command::Advance => {}
            }
        }
        named.guards.sort_unstable();
        named.guards.dedup();
        named
    }
}

/// Loads the parts of the accounts that `submissions` and due changes can affect.
pub(super) async fn parts(
    tx: &mut PgConnection,
    found: Vec<Found>,
    submissions: &[&Submission],
    now: Instant,
) -> Result<Vec<Account>, StorageError> {
    load(tx, found, &NamedRows::of(submissions), now).await
}

/// Balances and grants take one statement for all accounts. The other parts are only loaded if a command refers to them
/// or something is due.
async fn load(
    tx: &mut PgConnection,
    found: Vec<Found>,
    named: &NamedRows,
    now: Instant,
) -> Result<Vec<Account>, StorageError> {
    let due = found.iter().filter(|found| found.due_at.is_some_and(|at| at <= now));
    let due: Vec<Uuid> = due.map(|found| found.account.org.0).collect();
    let mut accounts: BTreeMap<Uuid, Account> =
        found.into_iter().map(|found| (found.account.org.0, found.account)).collect();
    let orgs: Vec<Uuid> = accounts.keys().copied().collect();
    let holdings = holdings::list(tx, &orgs).await?;
    for (org, token_type, balance) in holdings.balances {
        if let Some(account) = accounts.get_mut(&org) {
            account.balances.insert(token_type, balance);
        }
    }
    add_grants(&mut accounts, holdings.grants);

    let mut parts: Vec<(Uuid, GrantId)> = Vec::new();
    let of = |org: Uuid, of: &[GrantPart]| of.iter().map(|part| (org, part.grant)).collect::<Vec<_>>();
    if !(due.is_empty() && named.holds.is_empty()) {
        for (org, hold) in holds::list(tx, &due, &named.holds, now).await? {
            parts.extend(of(org, &hold.parts));
            if let Some(account) = accounts.get_mut(&org) {
                account.holds.insert(hold.id, hold);
            }
        }
    }
    if !named.spends.is_empty() {
        for (org, id, spend) in entries::list_spends(tx, &named.spends).await? {
            parts.extend(of(org, &spend.parts));
            if let Some(account) = accounts.get_mut(&org) {
                account.spends.insert(id, spend);
            }
        }
    }
    // Only returned tokens and payments affect purchases: a spend needs no round trip for them.
    let may_return = !(due.is_empty() && named.holds.is_empty() && named.spends.is_empty());
    if may_return || !named.purchases.is_empty() {
        for (org, purchase) in purchases::list_for_writer(tx, &orgs, &named.purchases).await? {
            let lots = purchase.credit.iter().flat_map(|credit| &credit.lots);
            parts.extend(lots.map(|lot| (org, lot.grant)));
            if let Some(account) = accounts.get_mut(&org) {
                account.purchases.insert(purchase.id, purchase);
            }
        }
    }
    if !named.invoices.is_empty() {
        for (org, invoices, subscriptions) in licenses::list_billing_facts(tx, &named.invoices).await? {
            if let Some(account) = accounts.get_mut(&org) {
                (account.invoices, account.subscriptions) = (invoices, subscriptions);
            }
        }
    }
    if !named.receipt_numbers.is_empty() {
        for (org, number) in receipt_numbers::list_last(tx, &named.receipt_numbers).await? {
            if let Some(account) = accounts.get_mut(&org) {
                account.receipt_number = number;
            }
        }
    }
    // Grants that holds, spends and purchases refer to may have been used up since, and so not be loaded yet.
    parts.retain(|(org, id)| accounts.get(org).is_some_and(|account| !account.grants.contains_key(id)));
    if !parts.is_empty() {
        add_grants(&mut accounts, holdings::list_named(tx, &parts).await?);
    }
    if !named.guards.is_empty() {
        for (org, id, guard) in guards::list(tx, &named.guards).await? {
            if let Some(account) = accounts.get_mut(&org) {
                account.guards.insert(id, guard);
            }
        }
    }
    Ok(accounts.into_values().collect())
}

fn add_grants(accounts: &mut BTreeMap<Uuid, Account>, grants: Vec<(Uuid, Grant)>) {
    for (org, grant) in grants {
        if let Some(account) = accounts.get_mut(&org) {
            account.grants.insert(grant.id, grant);
        }
    }
}
