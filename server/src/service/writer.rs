//! The writer: the one door for all changes of tokens, [`Writer::submit`].
//!
//! Commands that arrive together share one transaction (group commit). It locks their accounts, decides each command in
//! memory, writes the changes and commits. Callers get their answers after the commit.

mod availability;
mod batch;
mod connection;
pub(crate) mod load;
mod permits;
mod recent_keys;
mod remembered;

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use brightmeter::{
    access::{
        api_key::{Denial, Scope},
        guard::RateStatus,
        refusal::Refusal,
    },
    catalog::Catalog,
    command::Command,
    idempotency_key::IdempotencyKey,
    ids::{ApiKeyId, OrgId},
    ledger::outcome::{Effect, Outcome},
};
use futures::FutureExt;
use sqlx::PgPool;
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinHandle, yield_now},
    time::timeout,
};

use self::{
    availability::Availability,
    batch::{Batch, BatchError},
    connection::WriterConnection,
    remembered::RememberedAccounts,
};
use super::balance_events::ChangedAccounts;
use crate::{
    clock::Clock,
    concurrency_limit::{ConcurrencyLimit, ConcurrencyPermit},
    deadlines::{BATCH, SUBMIT},
    metrics,
    storage::{StorageError, pools::WRITERS},
};

/// The number of commands that may wait for one writer. Further ones are answered with [`SubmitError::Busy`].
const QUEUE_CAPACITY: usize = 4_096;
/// The number of waiting commands per organization, so that none can fill the queue for the others.
const MAX_PENDING_PER_ORG: usize = QUEUE_CAPACITY / 2;
/// The number of commands per transaction. More would add latency faster than throughput.
const MAX_BATCH_COMMANDS: usize = 256;
/// The duration of a batch after which the writer counts as unable to write.
const SLOW_BATCH: Duration = Duration::from_secs(2);
/// The interval at which a writer without commands checks its connection.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The longest a shutdown waits for running transactions.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(7);
const _: () = assert!(SLOW_BATCH.as_millis() < BATCH.as_millis() && BATCH.as_millis() < SHUTDOWN_TIMEOUT.as_millis());

/// A command to apply.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The organization whose account the command changes.
    pub org: OrgId,
    /// The idempotency key. `None` for commands that are idempotent without one.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The command to apply.
    pub command: Command,
    /// The permission to verify when the command is decided. `None` if the session layer has authorized it.
    pub permit: Option<Permit>,
}

/// The permission that a command sent with an API key needs. It is verified in the transaction that decides the
/// command, so that a revoked API key spends nothing more on any replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The API key, which must be active.
    pub api_key: ApiKeyId,
    /// The permission that the API key must have. The member that the command acts for must exist too.
    pub needs: Scope,
}

impl Submission {
    /// Creates the submission of a command that has already been authorized.
    pub fn new(org: OrgId, idempotency_key: Option<IdempotencyKey>, command: Command) -> Self {
        Self { org, idempotency_key, command, permit: None }
    }
}

/// The answer to an applied command.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The outcome of the command.
    pub outcome: Outcome,
    /// Whether the outcome is that of an earlier submission with the same idempotency key.
    pub replayed: bool,
    /// The caller's rate limit status. `None` if it has no rate limit.
    pub rate_status: Option<RateStatus>,
}

/// Why a command was not applied, or may not have been.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubmitError {
    /// A business rule refuses the command. Nothing was charged.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The idempotency key was used for another command.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// The API key is not active, lacks the permission, or acts for an unknown member.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The organization has no account.
    #[error("unknown organization")]
    UnknownOrganization,
    /// The queue is full, the database is unavailable, or the server is shutting down. Nothing was done; the idempotency
    /// key may be used again.
    #[error("too busy: try again in a moment")]
    Busy,
    /// The connection was lost during the commit, or the database did not respond in time: the command may or may not
    /// have been applied. A repeat with the same idempotency key returns its outcome.
    #[error("the outcome is unknown: repeat the request with the same idempotency key")]
    OutcomeUnknown,
    /// The database refused the command. Nothing was done.
    #[error("the command was not applied")]
    Storage(#[source] Arc<StorageError>),
}

/// A writer with one transaction per command: the baseline that the benchmark compares the [`Writer`] with.
#[derive(Clone)]
pub struct UnbatchedWriter {
    pool: PgPool,
    batch: Batch,
}

impl UnbatchedWriter {
    /// Creates a writer on `pool`. Its concurrency is the pool's number of connections.
    pub fn new(pool: PgPool, catalog: Arc<Catalog>, clock: Arc<dyn Clock>) -> Self {
        Self { pool, batch: Batch { catalog, clock } }
    }

    /// Applies a command in its own transaction.
    pub async fn submit(&self, submission: Submission) -> Result<Answer, SubmitError> {
        let mut conn = self.pool.acquire().await.map_err(|error| BatchError::Unreachable(error.into()))?;
        let mut none = RememberedAccounts::default();
        self.batch.apply(&mut conn, &[&submission], &mut none).await?.pop().unwrap_or(Err(SubmitError::OutcomeUnknown))
    }
}

/// A waiting command and the channel for its answer.
struct Pending {
    submission: Submission,
    _permit: ConcurrencyPermit<OrgId>,
    answer: oneshot::Sender<Result<Answer, SubmitError>>,
}

/// Applies commands. Clones share the queues.
#[derive(Clone, Debug)]
pub struct Writer {
    queues: Vec<mpsc::Sender<Pending>>,
    concurrency_limit: ConcurrencyLimit<OrgId>,
    changed_accounts: ChangedAccounts,
    availability: Availability,
}

/// The tasks of a [`Writer`]. They end when all its clones have been dropped.
#[derive(Debug)]
pub struct WriterTasks(Vec<JoinHandle<()>>);

impl Writer {
    /// Starts the writer tasks. Their connections have the options of `pool`, whose role may write tokens.
    pub fn start(pool: PgPool, catalog: Arc<Catalog>, clock: Arc<dyn Clock>) -> (Self, WriterTasks) {
        let batch = Batch { catalog, clock };
        let (changed_accounts, availability) = (ChangedAccounts::default(), Availability::default());
        let (queues, tasks) = (0..WRITERS as usize)
            .map(|number| {
                let (sender, receiver) = mpsc::channel(QUEUE_CAPACITY);
                let worker = Worker {
                    number,
                    batch: batch.clone(),
                    connection: WriterConnection::new(pool.clone()),
                    remembered: RememberedAccounts::default(),
                    changed_accounts: changed_accounts.clone(),
                    availability: availability.clone(),
                };
                (sender, tokio::spawn(worker.run(receiver)))
            })
            .unzip();
        let concurrency_limit = ConcurrencyLimit::default();
        (Self { queues, concurrency_limit, changed_accounts, availability }, WriterTasks(tasks))
    }

    /// Whether commands can be written now, as far as the writers know. They notice an outage within seconds, with or
    /// without commands.
    pub fn is_available(&self) -> bool {
        self.availability.is_available()
    }

    /// Returns the organizations whose balance this writer has changed.
    pub fn changed_accounts(&self) -> ChangedAccounts {
        self.changed_accounts.clone()
    }

    /// Applies a command. When this returns an answer, the command is durable.
    ///
    /// # Errors
    /// [`SubmitError`]. The command was not applied, except that [`OutcomeUnknown`](SubmitError::OutcomeUnknown) leaves
    /// it open.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn submit(&self, submission: Submission) -> Result<Answer, SubmitError> {
        let (answer, waiting) = oneshot::channel();
        // All commands of an organization go through one writer, so that they meet in one batch.
        let queue = usize::from(submission.org.0.as_bytes()[15]) % self.queues.len();
        let busy = |command: &Command| {
            metrics::command(command.kind(), SubmitError::Busy.label());
            SubmitError::Busy
        };
        let Some(permit) = self.concurrency_limit.try_acquire(submission.org, MAX_PENDING_PER_ORG) else {
            return Err(busy(&submission.command));
        };
        let pending = Pending { submission, _permit: permit, answer };
        self.queues[queue].try_send(pending).map_err(|error| busy(&error.into_inner().submission.command))?;
        match timeout(SUBMIT, waiting).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(SubmitError::OutcomeUnknown),
        }
    }
}

impl WriterTasks {
    /// Waits until all submitted commands have been answered. Drop all [`Writer`]s first, or this waits for
    /// [`SHUTDOWN_TIMEOUT`] in vain.
    pub async fn finish(self) {
        for task in self.0 {
            if timeout(SHUTDOWN_TIMEOUT, task).await.is_err() {
                tracing::error!("a writer did not finish in time");
            }
        }
    }
}

/// One writer.
struct Worker {
    number: usize,
    batch: Batch,
    connection: WriterConnection,
    remembered: RememberedAccounts,
    changed_accounts: ChangedAccounts,
    availability: Availability,
}

impl Worker {
    /// Applies the waiting commands, one transaction at a time, until the queue is closed.
    async fn run(mut self, mut queue: mpsc::Receiver<Pending>) {
        let mut waiting = Vec::with_capacity(MAX_BATCH_COMMANDS);
        loop {
            match timeout(CHECK_INTERVAL, queue.recv_many(&mut waiting, MAX_BATCH_COMMANDS)).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(_) => {
                    self.check_connection().await;
                    continue;
                }
            }
            metrics::queue(self.number, queue.len());
            // Callers who stopped waiting: their commands have not been applied, and now will not be.
            waiting.retain(|pending| !pending.answer.is_closed());
            let is_lost = !waiting.is_empty() && !self.apply_all(std::mem::take(&mut waiting)).await;
            if is_lost && !self.check_connection().await {
                // Those who waited meanwhile would wait for another deadline.
                while queue.recv_many(&mut waiting, MAX_BATCH_COMMANDS).now_or_never().is_some_and(|taken| taken > 0) {
                    let answers = waiting.iter().map(|_| Err(SubmitError::Busy)).collect();
                    answer(std::mem::take(&mut waiting), answers, &self.changed_accounts);
                }
            }
            // Lets callers who were just answered submit again in time for the next batch, without waiting for them.
            yield_now().await;
        }
    }

    /// Drops the connection, and what was decided through it.
    fn lose_connection(&mut self) {
        self.connection.lose();
        self.remembered.clear();
    }

    /// Opens the connection if it is lost, so that an outage and its end are noticed without commands.
    /// Returns whether there is one.
    async fn check_connection(&mut self) -> bool {
        let connected = self.connection.get().await.map(drop);
        match &connected {
            Ok(()) => self.availability.regain(self.number),
            Err(error) => self.availability.lose(self.number, error),
        }
        connected.is_ok()
    }

    /// Applies the waiting commands, first those of organizations that need no lock, and answers their callers. Returns
    /// whether the database is available.
    async fn apply_all(&mut self, waiting: Vec<Pending>) -> bool {
        let now = self.batch.clock.now();
        let needs_lock = |pending: &&Pending| !self.remembered.suffice_for(&pending.submission, now);
        let under_lock: BTreeSet<OrgId> =
            waiting.iter().filter(needs_lock).map(|pending| pending.submission.org).collect();
        let (under_lock, remembered): (Vec<Pending>, Vec<Pending>) =
            waiting.into_iter().partition(|pending| under_lock.contains(&pending.submission.org));
        let is_available = remembered.is_empty() || self.apply(remembered).await;
        if !is_available {
            // They would wait for another deadline.
            let answers = under_lock.iter().map(|_| Err(SubmitError::Busy)).collect();
            answer(under_lock, answers, &self.changed_accounts);
            return false;
        }
        under_lock.is_empty() || self.apply(under_lock).await
    }

    /// Applies commands and answers their callers. If the database rejects the batch, each command is retried
    /// alone: one bad command must not fail the others. Returns whether the database is available.
    async fn apply(&mut self, waiting: Vec<Pending>) -> bool {
        let submissions: Vec<&Submission> = waiting.iter().map(|pending| &pending.submission).collect();
        let (answers, is_available) = match self.attempt(&submissions).await {
            Ok(answers) => (answers, true),
            Err(BatchError::Rejected(_)) if waiting.len() > 1 => self.apply_each(&submissions).await,
            Err(error) => {
                let is_available = matches!(error, BatchError::Rejected(_));
                let error = SubmitError::from(error);
                (waiting.iter().map(|_| Err(error.clone())).collect(), is_available)
            }
        };
        answer(waiting, answers, &self.changed_accounts);
        is_available
    }

    /// Applies each command in its own transaction. Once the database is lost, the remaining ones are not tried, and so
    /// not applied. Returns whether it is available.
    async fn apply_each(&mut self, submissions: &[&Submission]) -> (Vec<Result<Answer, SubmitError>>, bool) {
        let (mut answers, mut is_available) = (Vec::with_capacity(submissions.len()), true);
        for submission in submissions {
            if !is_available {
                answers.push(Err(SubmitError::Busy));
                continue;
            }
            match self.attempt(&[submission]).await {
                Ok(answer) => answers.extend(answer),
                Err(error) => {
                    is_available = matches!(error, BatchError::Rejected(_));
                    answers.push(Err(error.into()));
                }
            }
        }
        (answers, is_available)
    }

    /// Applies a batch in one transaction. A panic is a bug: it is reported and rolled back, and the writer goes on. The
    /// connection is dropped after every other error than a rejection.
    async fn attempt(&mut self, submissions: &[&Submission]) -> Result<Vec<Result<Answer, SubmitError>>, BatchError> {
        let started = Instant::now();
        let result = {
            let applied = async {
                let conn = self.connection.get().await.map_err(|error| BatchError::Unreachable(error.into()))?;
                self.batch.apply(conn, submissions, &mut self.remembered).await
            };
            let mut applied = pin!(std::panic::AssertUnwindSafe(applied).catch_unwind());
            match timeout(SLOW_BATCH, &mut applied).await {
                Ok(result) => result,
                Err(elapsed) => {
                    self.availability.lose(self.number, &elapsed);
                    applied.await
                }
            }
        };
        metrics::batch(submissions.len(), started.elapsed());
        match result {
            Ok(Ok(answers)) => {
                self.availability.regain(self.number);
                Ok(answers)
            }
            Ok(Err(error @ BatchError::Rejected(_))) => {
                self.availability.regain(self.number);
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    commands = submissions.len(),
                    "a batch failed"
                );
                Err(error)
            }
            Ok(Err(error)) => {
                self.availability.lose(self.number, &error);
                self.lose_connection();
                Err(error)
            }
            Err(_) => {
                self.lose_connection();
                tracing::error!(commands = submissions.len(), "a batch panicked");
                Err(BatchError::Rejected(StorageError::Corrupt("a batch panicked".into())))
            }
        }
    }
}

fn answer(waiting: Vec<Pending>, answers: Vec<Result<Answer, SubmitError>>, changed_accounts: &ChangedAccounts) {
    let changed =
        waiting.iter().zip(&answers).filter(|(_, answer)| answer.as_ref().is_ok_and(|answer| !answer.replayed));
    changed_accounts.mark_changed(changed.map(|(pending, _)| pending.submission.org));
    for (pending, answer) in waiting.into_iter().zip(answers) {
        count(&pending.submission.command, &answer);
        // A caller who stopped waiting gets the outcome by repeating the idempotency key.
        let _ = pending.answer.send(answer);
    }
}

/// Counts an answer in the metrics.
fn count(command: &Command, answer: &Result<Answer, SubmitError>) {
    let outcome = match answer {
        Ok(Answer { replayed: true, .. }) => "replayed",
        Ok(_) => "done",
        Err(error) => error.label(),
    };
    metrics::command(command.kind(), outcome);
    let Ok(Answer { outcome, replayed: false, .. }) = answer else { return };
    if let Effect::Spent { token_type, amount, .. } | Effect::Captured { token_type, amount, .. } = &outcome.effect {
        metrics::charged(token_type, *amount);
    }
}

impl SubmitError {
    /// The outcome in the metrics: a refusal's code, or the kind of error.
    fn label(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Denied(_) => "denied",
            Self::KeyReused => "key_reused",
            Self::UnknownOrganization => "unknown_organization",
            Self::Busy => "busy",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Storage(_) => "storage_error",
        }
    }
}

impl From<BatchError> for SubmitError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Rejected(error) => Self::Storage(Arc::new(error)),
            BatchError::Unreachable(_) => Self::Busy,
            BatchError::Unknown(_) => Self::OutcomeUnknown,
        }
    }
}
