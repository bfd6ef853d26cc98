//! One batch: one transaction that locks, decides and writes.

use std::{collections::BTreeMap, sync::Arc};

use brightmeter::{
    access::guard::RateStatus,
    billing::license::{LicenseStep, Rung},
    catalog::Catalog,
    command::Command,
    decide::{Changes, Context, after_refusal, decide, entitlement::rate_status},
    features::quest::{Goal, QuestDraft},
    idempotency_key::IdempotencyKey,
    ids::{HoldId, OrgId, TransactionId},
    ledger::{
        account::Account,
        entry::{Entry, EntryHash},
        outcome::{Effect, Fingerprint},
    },
    time::Instant,
};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{Answer, Submission, SubmitError, load, permits::Permits};
use crate::{
    clock::Clock,
    storage::{
        StorageError, accounts, daily, entries, guards, holdings, holds,
        idempotency::{self, IdempotencyRecord},
        licenses, purchases, quests, tenant,
    },
};

/// Why a batch was not applied, or may not have been.
#[derive(Debug, thiserror::Error)]
pub(super) enum BatchError {
    /// The database refused something in it; nothing was applied.
    #[error("the database refused the batch")]
    Rejected(#[source] StorageError),
    /// The database could not be reached; nothing was applied.
    #[error("the database could not be reached")]
    Unreachable(#[source] StorageError),
    /// The connection was lost while it committed.
    #[error("the outcome of the commit is unknown")]
    Unknown(#[source] sqlx::Error),
}

impl From<StorageError> for BatchError {
    fn from(error: StorageError) -> Self {
        let commands_fault = match &error {
            StorageError::Corrupt(_) => true,
            StorageError::Database(sqlx::Error::Database(error)) => !is_the_servers_fault(error.code().as_deref()),
            StorageError::Database(
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_),
            ) => true,
            StorageError::Database(_) => false,
        };
        if commands_fault { Self::Rejected(error) } else { Self::Unreachable(error) }
    }
}

/// Whether an SQLSTATE says that the server, not the statement, was at fault: connection lost (08), rolled back (40), out of
/// something (53), a lock not had in time (55P03), stopped by an operator or a timeout (57). Trying each command alone would
/// only make everybody wait for it again.
fn is_the_servers_fault(code: Option<&str>) -> bool {
    code.is_some_and(|code| ["08", "40", "53", "55P03", "57"].iter().any(|class| code.starts_with(class)))
}

/// What a writer needs to apply a batch.
#[derive(Clone)]
pub(super) struct Batch {
    pub(super) pool: PgPool,
    pub(super) catalog: Arc<Catalog>,
    pub(super) clock: Arc<dyn Clock>,
}

/// An account in the middle of a batch, with everything of it that has changed.
struct OpenAccount {
    account: Account,
    changes: Changes,
}

/// What a batch has decided so far.
struct BatchState {
    permits: Permits,
    accounts: BTreeMap<Uuid, OpenAccount>,
    records: BTreeMap<(Uuid, IdempotencyKey), IdempotencyRecord>,
    new_records: Vec<IdempotencyRecord>,
    entries: Vec<(Uuid, Entry, EntryHash)>,
    jobs: Vec<(Uuid, HoldId, Goal)>,
    quests: Vec<(Uuid, HoldId, Vec<QuestDraft>)>,
    /// Steps of licenses, each with its transaction, its number there, and the id of the email that tells it.
    steps: Vec<(Uuid, TransactionId, i16, LicenseStep, Uuid)>,
}

impl Batch {
    /// Applies `submissions` in order; the answers are in the same order.
    pub(super) async fn apply(
        &self,
        submissions: &[&Submission],
    ) -> Result<Vec<Result<Answer, SubmitError>>, BatchError> {
        let mut orgs: Vec<OrgId> = submissions.iter().map(|submission| submission.org).collect();
        orgs.sort_unstable();
        orgs.dedup();
        let mut tx = tenant::begin_batch(&self.pool, &orgs).await?;
        let ids: Vec<Uuid> = orgs.iter().map(|org| org.0).collect();
        let accounts = accounts::lock(&mut tx, &ids).await?;
        // Only now: a batch that waited for the lock must not decide on an instant before the one it waited for.
        let now = self.clock.now();
        let mut state = BatchState {
            permits: Permits::load(&mut tx, submissions).await?,
            records: find_idempotency_records(&mut tx, submissions).await?,
            accounts: load::parts(&mut tx, accounts, submissions, now)
                .await?
                .into_iter()
                .map(|account| (account.org.0, OpenAccount { account, changes: Changes::default() }))
                .collect(),
            new_records: Vec::new(),
            entries: Vec::new(),
            jobs: Vec::new(),
            quests: Vec::new(),
            steps: Vec::new(),
        };
        let answers = submissions.iter().map(|submission| self.step(&mut state, submission, now)).collect();
        write(&mut tx, &state, &self.catalog.ladder, now).await?;
        match tx.commit().await {
            Ok(()) => Ok(answers),
            // The server itself said no: nothing was committed. Anything else may have been lost on the way back.
            Err(error @ sqlx::Error::Database(_)) => Err(BatchError::Rejected(error.into())),
            Err(error) => Err(BatchError::Unknown(error)),
        }
    }

    fn step(&self, state: &mut BatchState, submission: &Submission, now: Instant) -> Result<Answer, SubmitError> {
        let Submission { org, key, command, permit } = submission;
        let open = state.accounts.get_mut(&org.0).ok_or(SubmitError::UnknownOrganization)?;
        if let Some(permit) = permit {
            state.permits.check(*org, permit, command, now)?;
        }
        let fingerprint = Fingerprint::of(command);
        if let Some(record) = key.as_ref().and_then(|key| state.records.get(&(org.0, key.clone()))) {
            let same = record.fingerprint == fingerprint;
            let rate_status = self.rate_status(open, command, now);
            let replay = || Answer { outcome: record.outcome.clone(), replayed: true, rate_status };
            return if same { Ok(replay()) } else { Err(SubmitError::KeyReused) };
        }
        let transaction = TransactionId(self.clock.new_id());
        let cx = Context { catalog: &self.catalog, now, transaction };
        let decision = match decide(&open.account, command, &cx) {
            Ok(decision) => decision,
            Err(refusal) => {
                if let Some((id, guard)) = after_refusal(&open.account, command, &refusal, &cx) {
                    open.account.guards.insert(id, guard.clone());
                    open.changes.guards.insert(id, guard);
                }
                return Err(refusal.into());
            }
        };
        open.account.apply(&decision.changes);
        let steps = decision.changes.steps.iter().zip(0..);
        state.steps.extend(steps.map(|(step, number)| (org.0, transaction, number, step.clone(), self.clock.new_id())));
        merge(&mut open.changes, decision.changes);
        state.entries.extend(decision.entries.into_iter().map(|(entry, hash)| (org.0, entry, hash)));
        match (&decision.outcome.effect, command) {
            (Effect::HoldOpened { hold, .. }, Command::OpenHold { job: Some(goal), .. }) => {
                state.jobs.push((org.0, *hold, goal.clone()));
            }
            (Effect::Captured { hold, .. }, Command::Capture { quests, .. }) if !quests.is_empty() => {
                state.quests.push((org.0, *hold, quests.clone()));
            }
            _ => {}
        }
        if let Some(key) = key {
            let record =
                IdempotencyRecord { org: org.0, key: key.clone(), fingerprint, outcome: decision.outcome.clone() };
            state.records.insert((org.0, key.clone()), record.clone());
            state.new_records.push(record);
        }
        let rate_status = self.rate_status(open, command, now);
        Ok(Answer { outcome: decision.outcome, replayed: false, rate_status })
    }

    fn rate_status(&self, open: &OpenAccount, command: &Command, now: Instant) -> Option<RateStatus> {
        command.user().and_then(|caller| rate_status(&open.account, &self.catalog, caller, now))
    }
}

/// Adds what a later command changed: of each part the newest state counts.
fn merge(all: &mut Changes, later: Changes) {
    all.terms = later.terms.or(all.terms.take());
    all.head = later.head.or(all.head);
    all.balances.extend(later.balances);
    all.grants.extend(later.grants);
    all.holds.extend(later.holds);
    all.guards.extend(later.guards);
    all.refunds.extend(later.refunds);
    all.purchases.extend(later.purchases);
    all.invoices = later.invoices.or(all.invoices.take());
    all.subscription = later.subscription.or(all.subscription.take());
}

/// A statement of its own, after the lock: one that waited for the lock would miss receipts committed meanwhile.
async fn find_idempotency_records(
    tx: &mut PgConnection,
    submissions: &[&Submission],
) -> Result<BTreeMap<(Uuid, IdempotencyKey), IdempotencyRecord>, StorageError> {
    let keyed = submissions.iter().filter_map(|submission| Some((submission.org.0, submission.key.as_ref()?)));
    let (orgs, keys): (Vec<Uuid>, Vec<String>) = keyed.map(|(org, key)| (org, key.to_string())).unzip();
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let record = idempotency::list(tx, &orgs, &keys).await?;
    Ok(record.into_iter().map(|record| ((record.org, record.key.clone()), record)).collect())
}

async fn write(tx: &mut PgConnection, state: &BatchState, ladder: &[Rung], now: Instant) -> Result<(), StorageError> {
    let open = || state.accounts.iter();
    let balances: Vec<_> = open()
        .flat_map(|(org, open)| open.changes.balances.iter().map(|(name, balance)| (*org, name, *balance)))
        .collect();
    let grants: Vec<_> =
        open().flat_map(|(org, open)| open.changes.grants.values().map(|grant| (*org, grant))).collect();
    if !(balances.is_empty() && grants.is_empty()) {
        holdings::upsert(tx, &balances, &grants).await?;
    }
    let changed: Vec<_> = open().flat_map(|(org, open)| open.changes.holds.values().map(|hold| (*org, hold))).collect();
    if !changed.is_empty() {
        holds::upsert(tx, &changed).await?;
    }
    for (org, open) in open() {
        for (id, guard) in &open.changes.guards {
            guards::upsert(tx, *org, *id, guard).await?;
        }
    }
    if !state.entries.is_empty() {
        entries::append(tx, &state.entries).await?;
        daily::add(tx, state.entries.iter().map(|(org, entry, _)| (*org, entry))).await?;
    }
    if !state.new_records.is_empty() {
        idempotency::insert(tx, &state.new_records, now).await?;
    }
    for (org, open) in open() {
        for purchase in open.changes.purchases.values() {
            purchases::update(tx, *org, purchase).await?;
        }
        let Changes { invoices, subscription, .. } = &open.changes;
        if invoices.is_some() || subscription.is_some() {
            licenses::upsert_billing_facts(tx, *org, invoices.as_ref(), subscription.as_ref()).await?;
        }
    }
    for (org, transaction, number, step, email) in &state.steps {
        licenses::append(tx, *org, *transaction, *number, step, *email, now).await?;
    }
    for (org, hold, goal) in &state.jobs {
        quests::insert_job(tx, *org, *hold, goal, now).await?;
    }
    for (org, hold, made) in &state.quests {
        quests::insert(tx, *org, *hold, made, now).await?;
    }
    // Last: when it is due next depends on the holds written above.
    let changed: Vec<&Account> = open()
        .filter(|(_, open)| open.changes.head.is_some() || open.changes.terms.is_some())
        .map(|(_, open)| &open.account)
        .collect();
    if !changed.is_empty() {
        accounts::update(tx, &changed, ladder).await?;
    }
    Ok(())
}
