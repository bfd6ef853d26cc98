//! A batch: one transaction that locks accounts, decides commands and writes the changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use brightmeter::{
    access::guard::RateStatus,
    billing::license::{LicenseStep, Rung},
    catalog::Catalog,
    command::{Caller, Command},
    decide::{Changes, Context, after_refusal, decide, entitlement::rate_status},
    idempotency_key::IdempotencyKey,
    ids::{ApiKeyId, HoldId, MemberId, OrgId, TransactionId},
    ledger::{
        attachment::Attachment,
        entry::{Entry, EntryHash},
        outcome::{Effect, Fingerprint},
    },
    time::Instant,
    time_zone::TimeZone,
};
use sqlx::{
    PgConnection, Postgres, Transaction,
    postgres::{PgDatabaseError, PgSeverity},
};
use tokio::time::timeout_at;
use uuid::Uuid;

use super::{
    Answer, Submission, SubmitError, load, permits,
    remembered::{RememberedAccount, RememberedAccounts},
};
use crate::{
    clock::Clock,
    deadlines::BATCH,
    metrics,
    storage::{
        StorageError, accounts, attachments,
        batches::{self, BatchWrite, Expected},
        idempotency::{self, IdempotencyRecord},
        licenses,
        outage::timed_out,
        purchases, tenant,
    },
};

/// Why a batch was not applied, or may not have been.
#[derive(Debug, thiserror::Error)]
pub(super) enum BatchError {
    /// The database rejected one of the commands. Nothing was applied.
    #[error("the database rejected the batch")]
    Rejected(#[source] StorageError),
    /// The database could not be reached. Nothing was applied.
    #[error("the database could not be reached")]
    Unreachable(#[source] StorageError),
    /// The connection was lost during the commit, or the commit was not answered in time.
    #[error("the outcome of the commit is unknown")]
    Unknown(#[source] sqlx::Error),
}

impl From<StorageError> for BatchError {
    fn from(error: StorageError) -> Self {
        if error.is_outage() { Self::Unreachable(error) } else { Self::Rejected(error) }
    }
}

impl BatchError {
    /// The failure of a COMMIT. After an error that Postgres reports, the transaction is rolled back and the session goes
    /// on. A fatal error, or a lost connection, leaves open whether it was committed.
    fn of_commit(error: sqlx::Error) -> Self {
        let reported = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
        match reported.map(PgDatabaseError::severity) {
            Some(PgSeverity::Error) => Self::from(StorageError::from(error)),
            _ => Self::Unknown(error),
        }
    }
}

/// Applies batches.
#[derive(Clone)]
pub(super) struct Batch {
    pub(super) catalog: Arc<Catalog>,
    pub(super) clock: Arc<dyn Clock>,
}

/// An account with its changes so far.
pub(super) struct OpenAccount {
    pub(super) known: RememberedAccount,
    changes: Changes,
}

/// A batch that was decided and written under the lock.
struct Decided<'a> {
    tx: Transaction<'a, Postgres>,
    answers: Vec<Result<Answer, SubmitError>>,
    state: BatchState,
    now: Instant,
}

/// The state of a batch while its commands are decided.
#[derive(Default)]
struct BatchState {
    accounts: BTreeMap<Uuid, OpenAccount>,
    records: BTreeMap<(Uuid, IdempotencyKey), IdempotencyRecord>,
    new_records: Vec<IdempotencyRecord>,
    entries: Vec<(Uuid, Entry, EntryHash)>,
    attachments: Vec<(Uuid, HoldId, Attachment)>,
    /// License steps, each with its transaction, its number within the transaction, and the id of the email about it.
    steps: Vec<(Uuid, TransactionId, i16, LicenseStep, Uuid)>,
}

impl Batch {
    /// Applies `submissions` in order. Returns the answers in the same order. Ends within [`BATCH`].
    pub(super) async fn apply(
        &self,
        conn: &mut PgConnection,
        submissions: &[&Submission],
        remembered: &mut RememberedAccounts,
    ) -> Result<Vec<Result<Answer, SubmitError>>, BatchError> {
        let deadline = tokio::time::Instant::now() + BATCH;
        let now = self.clock.now();
        if submissions.iter().all(|submission| remembered.suffice_for(submission, now)) {
            let applied = self.apply_remembered(conn, submissions, remembered, now, deadline).await?;
            if let Some(answers) = applied {
                return Ok(answers);
            }
        }
        let decided = timeout_at(deadline, self.decide_under_lock(conn, submissions, remembered)).await;
        let Decided { tx, answers, state, now } =
            decided.unwrap_or_else(|_| Err(BatchError::Unreachable(timed_out().into())))?;
        let committed = timeout_at(deadline, tx.commit()).await.unwrap_or_else(|_| Err(timed_out()));
        committed.map_err(BatchError::of_commit)?;
        state.remember(remembered, &self.catalog.ladder, now);
        Ok(answers)
    }

    /// Decides on the remembered accounts and writes in one statement, which is its own transaction. Returns `None`, with
    /// nothing written, if they were not current, or if an idempotency key was used before.
    async fn apply_remembered(
        &self,
        conn: &mut PgConnection,
        submissions: &[&Submission],
        remembered: &mut RememberedAccounts,
        now: Instant,
        deadline: tokio::time::Instant,
    ) -> Result<Option<Vec<Result<Answer, SubmitError>>>, BatchError> {
        let mut state = BatchState::default();
        for submission in submissions {
            let org = submission.org.0;
            if let Some(known) = remembered.take(org) {
                state.accounts.insert(org, OpenAccount { known, changes: Changes::default() });
            }
        }
        let answers = submissions.iter().map(|submission| self.step(&mut state, submission, now)).collect();
        let (written, expected) = (state.to_write(), state.expected(submissions));
        let write = batches::write(conn, &written, Some(&expected), &self.catalog.ladder, now);
        match timeout_at(deadline, write).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                if let Some(stale) = error.stale() {
                    metrics::stale_batch();
                    stale.into_iter().for_each(|org| remembered.avoid(org));
                    return Ok(None);
                }
                if error.violates("ai_token_idempotency_pkey") {
                    return Ok(None);
                }
                return Err(match error {
                    StorageError::Database(error) => BatchError::of_commit(error),
                    error => BatchError::Rejected(error),
                });
            }
            Err(_) => return Err(BatchError::Unknown(timed_out())),
        }
        state.remember(remembered, &self.catalog.ladder, now);
        Ok(Some(answers))
    }

    /// Locks and loads the accounts, decides, and writes. The caller commits.
    async fn decide_under_lock<'a>(
        &self,
        conn: &'a mut PgConnection,
        submissions: &[&Submission],
        remembered: &mut RememberedAccounts,
    ) -> Result<Decided<'a>, BatchError> {
        let mut orgs: Vec<OrgId> = submissions.iter().map(|submission| submission.org).collect();
        orgs.sort_unstable();
        orgs.dedup();
        let mut tx = tenant::begin_batch(conn, &orgs).await?;
        let ids: Vec<Uuid> = orgs.iter().map(|org| org.0).collect();
        let locked = accounts::lock(&mut tx, &ids).await?;
        // Read after locking: a batch that waited for the lock must not use an earlier time than the batch it waited
        // for.
        let now = self.clock.now();
        let rows = locked.iter().map(|row| (row.found.account.org.0, (row.version, row.found.due_at, row.time_zone)));
        let rows: BTreeMap<Uuid, (i64, Option<Instant>, TimeZone)> = rows.collect();
        let found = locked.into_iter().map(|row| row.found).collect();
        let mut state =
            BatchState { records: find_idempotency_records(&mut tx, submissions).await?, ..BatchState::default() };
        for account in load::parts(&mut tx, found, submissions, now).await? {
            let org = account.org.0;
            let Some(&(version, due_at, time_zone)) = rows.get(&org) else { continue };
            let known = RememberedAccount::new(account, version, due_at, time_zone);
            state.accounts.insert(org, OpenAccount { known, changes: Changes::default() });
        }
        permits::load(&mut tx, submissions, &mut state.accounts).await?;
        for Submission { org, command, .. } in submissions {
            let guard = command.rate_limited_caller().and_then(Caller::guard);
            if let Some(open) = state.accounts.get_mut(&org.0) {
                open.known.guards.extend(guard);
            }
        }
        let answers = submissions.iter().map(|submission| self.step(&mut state, submission, now)).collect();
        write(&mut tx, &state, &self.catalog.ladder, now).await?;
        for (org, open) in &mut state.accounts {
            if let Some(earlier) = remembered.take(*org) {
                open.known.join(earlier);
            }
        }
        Ok(Decided { tx, answers, state, now })
    }

    fn step(&self, state: &mut BatchState, submission: &Submission, now: Instant) -> Result<Answer, SubmitError> {
        let Submission { org, idempotency_key: key, command, permit } = submission;
        let open = state.accounts.get_mut(&org.0).ok_or(SubmitError::UnknownOrganization)?;
        if let Some(permit) = permit {
            permits::check(&open.known, permit, command, now)?;
        }
        let fingerprint = Fingerprint::of(command);
        if let Some(record) = key.as_ref().and_then(|key| state.records.get(&(org.0, key.clone()))) {
            let same = record.fingerprint == fingerprint;
            let rate_status = self.rate_status(open, command, now);
            return match same {
                true => Ok(Answer { outcome: record.outcome.clone(), replayed: true, rate_status }),
                false => Err(SubmitError::KeyReused),
            };
        }
        let transaction = TransactionId(self.clock.new_id());
        let cx = Context { catalog: &self.catalog, now, transaction };
        let decision = match decide(&open.known.account, command, &cx) {
            Ok(decision) => decision,
            Err(refusal) => {
                if let Some((id, guard)) = after_refusal(&open.known.account, command, &refusal, &cx) {
                    open.known.account.guards.insert(id, guard.clone());
                    open.changes.guards.insert(id, guard);
                }
                return Err(refusal.into());
            }
        };
        open.known.account.apply(&decision.changes);
        let steps = decision.changes.steps.iter().zip(0..);
        state.steps.extend(steps.map(|(step, number)| (org.0, transaction, number, step.clone(), self.clock.new_id())));
        open.changes.merge(decision.changes);
        state.entries.extend(decision.entries.into_iter().map(|(entry, hash)| (org.0, entry, hash)));
        if let (
            Effect::HoldOpened { hold, .. } | Effect::Captured { hold, .. },
            Command::OpenHold { attachment: Some(attachment), .. }
            | Command::Capture { attachment: Some(attachment), .. },
        ) = (&decision.outcome.effect, command)
        {
            state.attachments.push((org.0, *hold, attachment.clone()));
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
        command.rate_limited_caller().and_then(|caller| rate_status(&open.known.account, &self.catalog, caller, now))
    }
}

impl BatchState {
    /// The changes that one statement writes.
    fn to_write(&self) -> BatchWrite<'_> {
        let mut write = BatchWrite { records: self.new_records.iter().collect(), ..BatchWrite::default() };
        write.entries = self
            .entries
            .iter()
            .map(|(org, entry, hash)| (*org, self.time_zone(*org).day(entry.at), entry, *hash))
            .collect();
        for (&org, OpenAccount { known, changes }) in &self.accounts {
            // Exhaustive: a new part cannot be forgotten here. Refunds are entries, the license log is in `steps`, and
            // terms and head are written with the account.
            let Changes {
                terms: _,
                head: _,
                balances,
                grants,
                holds,
                guards,
                refunds: _,
                invoices: _,
                subscriptions: _,
                steps: _,
                purchases: _,
            } = changes;
            write.balances.extend(balances.iter().map(|(token_type, balance)| (org, token_type, *balance)));
            write.grants.extend(grants.values().map(|grant| (org, grant)));
            write.holds.extend(holds.values().map(|hold| (org, hold)));
            write.guards.extend(guards.iter().map(|(id, guard)| (org, *id, guard)));
            if !changes.is_empty() {
                write.accounts.push(&known.account);
            }
        }
        write
    }

    /// What must hold for decisions on remembered accounts.
    fn expected(&self, submissions: &[&Submission]) -> Expected {
        let keys: BTreeSet<(OrgId, ApiKeyId)> =
            submissions.iter().filter_map(|submission| Some((submission.org, submission.permit?.api_key))).collect();
        let members: BTreeSet<(OrgId, MemberId)> = submissions
            .iter()
            .filter(|submission| submission.permit.is_some())
            .filter_map(|submission| Some((submission.org, permits::member(&submission.command)?)))
            .collect();
        Expected {
            versions: self.accounts.iter().map(|(org, open)| (*org, open.known.version)).collect(),
            api_keys: keys.into_iter().collect(),
            members: members.into_iter().collect(),
        }
    }

    /// Remembers the accounts after the commit. One that was due has another due time now: the next batch loads it.
    fn remember(self, remembered: &mut RememberedAccounts, ladder: &[Rung], now: Instant) {
        for record in &self.new_records {
            remembered.keys.insert(record.org, &record.key);
        }
        for OpenAccount { mut known, changes } in self.accounts.into_values() {
            if known.due_at.is_some_and(|at| at <= now) {
                continue;
            }
            known.version += i64::from(!changes.is_empty());
            remembered.keep(known, ladder);
        }
    }

    /// The time zone of an organization in the batch.
    fn time_zone(&self, org: Uuid) -> TimeZone {
        self.accounts.get(&org).map_or(TimeZone::UTC, |open| open.known.time_zone)
    }
}

/// Finds idempotency records in a separate statement after locking: the statement that waits for the lock would miss
/// records committed meanwhile.
async fn find_idempotency_records(
    tx: &mut PgConnection,
    submissions: &[&Submission],
) -> Result<BTreeMap<(Uuid, IdempotencyKey), IdempotencyRecord>, StorageError> {
    let keyed =
        submissions.iter().filter_map(|submission| Some((submission.org.0, submission.idempotency_key.as_ref()?)));
    let (orgs, keys): (Vec<Uuid>, Vec<String>) = keyed.map(|(org, key)| (org, key.to_string())).unzip();
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let records = idempotency::list(tx, &orgs, &keys).await?;
    Ok(records.into_iter().map(|record| ((record.org, record.key.clone()), record)).collect())
}

/// Writes all changes of the batch. Rare parts take a statement each; one writes all others.
async fn write(tx: &mut PgConnection, state: &BatchState, ladder: &[Rung], now: Instant) -> Result<(), StorageError> {
    for (&org, OpenAccount { changes, .. }) in &state.accounts {
        for purchase in changes.purchases.values() {
            purchases::update(tx, org, purchase).await?;
        }
        if changes.invoices.is_some() || changes.subscriptions.is_some() {
            let (invoices, subscriptions) = (changes.invoices.as_ref(), changes.subscriptions.as_ref());
            licenses::upsert_billing_facts(tx, org, invoices, subscriptions).await?;
        }
    }
    for (org, transaction, number, step, email) in &state.steps {
        licenses::append(tx, *org, *transaction, *number, step, *email, now).await?;
    }
    let written = state.to_write();
    if !written.accounts.is_empty() {
        batches::write(tx, &written, None, ladder, now).await?;
    }
    // They refer to their holds.
    for (org, hold, attachment) in &state.attachments {
        attachments::insert(tx, *org, state.time_zone(*org), *hold, attachment, now).await?;
    }
    Ok(())
}
