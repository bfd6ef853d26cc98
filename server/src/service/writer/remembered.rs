//! Accounts as the last batches left them. A batch of plain uses is decided on them without reading the database; the
//! transaction that writes it finds out whether they were current.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use brightmeter::{
    access::api_key::ApiKey,
    billing::{invoices::Invoices, license::Rung, subscription::Subscriptions},
    command::Command,
    ids::{ApiKeyId, GuardId, MemberId},
    ledger::account::Account,
    time::Instant,
    time_zone::TimeZone,
};
use uuid::Uuid;

use super::{Submission, permits, recent_keys::RecentKeys};

/// The number of accounts that a writer remembers.
const MAX_ACCOUNTS: usize = 10_000;
/// The number of callers, grants, API keys and members of one account that it remembers, each.
const MAX_PARTS: usize = 10_000;
/// The time for which an organization is left to the lock after a stale decision, because another server writes it, too.
const AVOIDANCE: Duration = Duration::from_millis(250);

/// The remembered accounts.
#[derive(Debug, Default)]
pub(super) struct RememberedAccounts {
    accounts: HashMap<Uuid, RememberedAccount>,
    avoided: HashMap<Uuid, tokio::time::Instant>,
    /// The idempotency keys of the latest commands.
    pub(super) keys: RecentKeys,
}

/// An account after its last batch.
#[derive(Debug)]
pub(super) struct RememberedAccount {
    /// The account, without its holds and the facts of billing.
    pub(super) account: Account,
    /// How often its row was updated.
    pub(super) version: i64,
    /// The next time-driven change, or an earlier instant; `None` if there is none.
    pub(super) due_at: Option<Instant>,
    /// The time zone of the organization.
    pub(super) time_zone: TimeZone,
    /// The callers whose guards are in the account, if they have one.
    pub(super) guards: BTreeSet<GuardId>,
    /// API keys that were not revoked.
    pub(super) api_keys: BTreeMap<ApiKeyId, ApiKey>,
    /// Members who existed.
    pub(super) members: BTreeSet<MemberId>,
}

impl RememberedAccount {
    /// An account that was just locked and loaded. Its guards, API keys and members are added where they are loaded.
    pub(super) fn new(account: Account, version: i64, due_at: Option<Instant>, time_zone: TimeZone) -> Self {
        let (guards, api_keys, members) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
        Self { account, version, due_at, time_zone, guards, api_keys, members }
    }

    /// Adds what is remembered of the same version and was not loaded again.
    pub(super) fn join(&mut self, earlier: Self) {
        if earlier.version != self.version {
            return;
        }
        for (id, guard) in earlier.account.guards {
            if !self.guards.contains(&id) {
                self.account.guards.insert(id, guard);
            }
        }
        self.guards.extend(earlier.guards);
        for (id, key) in earlier.api_keys {
            self.api_keys.entry(id).or_insert(key);
        }
        self.members.extend(earlier.members);
    }

    /// Drops what only commands under the lock need. Returns whether the rest is small enough to be remembered.
    fn trim(&mut self) -> bool {
        let account = &mut self.account;
        account.holds.clear();
        account.spends.clear();
        account.purchases.clear();
        account.invoices = Invoices::default();
        account.subscriptions = Subscriptions::default();
        account.receipt_number = 0;
        self.api_keys.retain(|_, key| key.revoked_at.is_none());
        let parts = [account.grants.len(), self.guards.len(), self.api_keys.len(), self.members.len()];
        parts.into_iter().all(|count| count <= MAX_PARTS)
    }
}

impl RememberedAccounts {
    /// Whether the command can be decided on what is remembered: a use that is not due, repeated, or by an unknown caller.
    pub(super) fn suffice_for(&self, submission: &Submission, now: Instant) -> bool {
        let (Command::Spend(usage) | Command::OpenHold { usage, attachment: None, .. }) = &submission.command else {
            return false;
        };
        let Some(known) = self.accounts.get(&submission.org.0) else { return false };
        let is_repeat =
            submission.idempotency_key.as_ref().is_some_and(|key| self.keys.contains(submission.org.0, key));
        let is_due = known.due_at.is_some_and(|at| at <= now);
        let knows_caller = usage.caller.guard().is_none_or(|guard| known.guards.contains(&guard));
        let knows_permit = submission.permit.is_none_or(|permit| {
            let member = permits::member(&submission.command);
            known.api_keys.contains_key(&permit.api_key) && member.is_none_or(|member| known.members.contains(&member))
        });
        !is_repeat && !is_due && knows_caller && knows_permit
    }

    /// Takes an account out, to decide on it. It is remembered again when the decisions are committed.
    pub(super) fn take(&mut self, org: Uuid) -> Option<RememberedAccount> {
        self.accounts.remove(&org)
    }

    /// Remembers an account after a commit. `ladder` gives its next license rung.
    pub(super) fn keep(&mut self, mut known: RememberedAccount, ladder: &[Rung]) {
        let org = known.account.org.0;
        if let Some(until) = self.avoided.get(&org) {
            if *until > tokio::time::Instant::now() {
                return;
            }
            self.avoided.remove(&org);
        }
        // The loaded holds count towards it, so they are dropped afterwards.
        known.due_at = [known.due_at, known.account.due_at(ladder)].into_iter().flatten().min();
        if !known.trim() {
            return;
        }
        if self.accounts.len() >= MAX_ACCOUNTS {
            self.accounts.clear();
        }
        self.accounts.insert(org, known);
    }

    /// Leaves an organization to the lock for a moment.
    pub(super) fn avoid(&mut self, org: Uuid) {
        if self.avoided.len() >= MAX_ACCOUNTS {
            self.avoided.clear();
        }
        self.avoided.insert(org, tokio::time::Instant::now() + AVOIDANCE);
    }

    /// Forgets all accounts.
    pub(super) fn clear(&mut self) {
        self.accounts.clear();
    }
}
