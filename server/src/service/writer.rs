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
mod worker;

use std::{sync::Arc, time::Duration};

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
    ledger::outcome::Outcome,
};
use sqlx::PgPool;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use self::{
    availability::Availability,
    batch::{Batch, BatchError},
    connection::WriterConnection,
    remembered::RememberedAccounts,
    worker::Worker,
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
/// The longest a shutdown waits for running transactions.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(7);
const _: () = assert!(BATCH.as_millis() < SHUTDOWN_TIMEOUT.as_millis());

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
