//! The one door: every token that moves, moves through [`Writer::submit`].
//!
//! Commands that arrive together share one transaction (group commit): it locks their accounts, decides on each in memory,
//! writes what changed and commits; only then is anybody answered.

mod batch;
pub(crate) mod load;
mod permits;

use std::{
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
    ledger::outcome::Outcome,
};
use futures::FutureExt;
use sqlx::PgPool;
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinHandle, yield_now},
    time::timeout,
};

use self::batch::{Batch, BatchError};
use super::balance_events::ChangedAccounts;
use crate::{
    clock::Clock,
    concurrency_limit::{ConcurrencyLimit, ConcurrencyPermit},
    metrics,
    storage::{StorageError, pools::WRITERS},
};

/// How many commands may wait for one writer before the next is told to come back.
const QUEUE_CAPACITY: usize = 4_096;
/// How many of those may be of one organization: nobody fills the queue for the others.
const MAX_PENDING_PER_ORG: usize = QUEUE_CAPACITY / 2;
/// How many commands share a transaction: more would add waiting faster than throughput.
const MAX_BATCH_COMMANDS: usize = 256;
/// How long a caller waits. Whoever waited that long is told that the outcome is unknown, which is the truth.
const SUBMIT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a shutdown waits for what is under way.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// A command to apply.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Whose account.
    pub org: OrgId,
    /// The caller's name for it, so that a repeat changes nothing. What is idempotent by itself needs none.
    pub key: Option<IdempotencyKey>,
    /// What is asked.
    pub command: Command,
    /// What has to hold for it when it is decided; nothing for whom the session has let in.
    pub permit: Option<Permit>,
}

/// What a service's command takes: looked up in the transaction that decides, so that a key that was revoked spends nothing more,
/// on any replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The key that has to hold.
    pub key: ApiKeyId,
    /// What it has to be allowed to do. The member that the command acts for has to be there, too.
    pub needs: Scope,
}

impl Submission {
    /// A command of somebody who has been let in.
    pub fn new(org: OrgId, key: Option<IdempotencyKey>, command: Command) -> Self {
        Self { org, key, command, permit: None }
    }
}

/// The answer to an applied command.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What it did.
    pub outcome: Outcome,
    /// Whether it did so earlier, and this was a repeat.
    pub replayed: bool,
    /// Where the caller stands under its rate, where it is under one.
    pub rate_status: Option<RateStatus>,
}

/// Why a command was not applied, or may not have been.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubmitError {
    /// The rules say no. Nothing was charged.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key was used for another command.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// The key does not hold, may not do that, or acts for nobody.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// There is no account.
    #[error("there is no such organization")]
    UnknownOrganization,
    /// Too much is waiting, or the server is going down. Nothing was done; the same key may be used again.
    #[error("too busy: try again in a moment")]
    Busy,
    /// The database was lost while it committed, or did not answer in time: the command may or may not have been applied.
    /// The same key tells which.
    #[error("the outcome is unknown: repeat the request with the same key")]
    OutcomeUnknown,
    /// The database refused. Nothing was done.
    #[error("the command was not applied")]
    Storage(#[source] Arc<StorageError>),
}

/// One transaction per command and nothing shared: what the benchmark holds the [`Writer`] against.
#[derive(Clone)]
pub struct UnbatchedWriter(Batch);

impl UnbatchedWriter {
    /// Works on `pool`, as many at a time as it has connections.
    pub fn new(pool: PgPool, catalog: Arc<Catalog>, clock: Arc<dyn Clock>) -> Self {
        Self(Batch { pool, catalog, clock })
    }

    /// Applies a command in a transaction of its own.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn submit(&self, submission: Submission) -> Result<Answer, SubmitError> {
        self.0.apply(&[&submission]).await?.pop().unwrap_or(Err(SubmitError::OutcomeUnknown))
    }
}

/// A command on its way, with the way back.
struct Pending {
    submission: Submission,
    _place: ConcurrencyPermit<OrgId>,
    answer: oneshot::Sender<Result<Answer, SubmitError>>,
}

/// The one door. Clones share it.
#[derive(Clone, Debug)]
pub struct Writer {
    queues: Vec<mpsc::Sender<Pending>>,
    concurrency_limit: ConcurrencyLimit<OrgId>,
    changed_accounts: ChangedAccounts,
}

/// The tasks behind a [`Writer`]; they end when every clone of it is gone.
#[derive(Debug)]
pub struct WriterTasks(Vec<JoinHandle<()>>);

impl Writer {
    /// Starts the writers on `pool`, whose role may write tokens.
    pub fn start(pool: PgPool, catalog: Arc<Catalog>, clock: Arc<dyn Clock>) -> (Self, WriterTasks) {
        let batch = Batch { pool, catalog, clock };
        let changed_accounts = ChangedAccounts::default();
        let (queues, tasks) = (0..WRITERS)
            .map(|number| {
                let (sender, receiver) = mpsc::channel(QUEUE_CAPACITY);
                (sender, tokio::spawn(run(number as usize, batch.clone(), receiver, changed_accounts.clone())))
            })
            .unzip();
        (Self { queues, concurrency_limit: ConcurrencyLimit::default(), changed_accounts }, WriterTasks(tasks))
    }

    /// The organizations whose tokens this writer has moved.
    pub fn changed_accounts(&self) -> ChangedAccounts {
        self.changed_accounts.clone()
    }

    /// Applies a command. When this answers, the command is durable.
    ///
    /// # Errors
    /// [`SubmitError`]; only [`OutcomeUnknown`](SubmitError::OutcomeUnknown) leaves open whether it was applied.
    pub async fn submit(&self, submission: Submission) -> Result<Answer, SubmitError> {
        let (answer, waiting) = oneshot::channel();
        // All commands of an organization go through one writer, so that they meet in one batch.
        let queue = usize::from(submission.org.0.as_bytes()[15]) % self.queues.len();
        let busy = |command: &Command| {
            metrics::command(command, &Err(SubmitError::Busy));
            SubmitError::Busy
        };
        let Some(place) = self.concurrency_limit.take(submission.org, MAX_PENDING_PER_ORG) else {
            return Err(busy(&submission.command));
        };
        let pending = Pending { submission, _place: place, answer };
        self.queues[queue].try_send(pending).map_err(|error| busy(&error.into_inner().submission.command))?;
        match timeout(SUBMIT_TIMEOUT, waiting).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(SubmitError::OutcomeUnknown),
        }
    }
}

impl WriterTasks {
    /// Waits until everything submitted has been answered. Every [`Writer`] must be gone, or this waits in vain for
    /// [`SHUTDOWN_TIMEOUT`].
    pub async fn finish(self) {
        for task in self.0 {
            if timeout(SHUTDOWN_TIMEOUT, task).await.is_err() {
                tracing::error!("a writer did not finish in time");
            }
        }
    }
}

/// One writer: takes what waits, one transaction at a time.
async fn run(number: usize, batch: Batch, mut queue: mpsc::Receiver<Pending>, changed_accounts: ChangedAccounts) {
    let mut waiting = Vec::with_capacity(MAX_BATCH_COMMANDS);
    while queue.recv_many(&mut waiting, MAX_BATCH_COMMANDS).await > 0 {
        metrics::queue(number, queue.len());
        // Nothing was done yet for those who stopped waiting, and now nothing will be.
        waiting.retain(|pending| !pending.answer.is_closed());
        if !waiting.is_empty() {
            apply(&batch, std::mem::take(&mut waiting), &changed_accounts).await;
            // Whoever was just answered may ask again at once: let that join the next batch. Nobody is waited for.
            yield_now().await;
        }
    }
}

/// Applies what waits and answers everybody. One command that the database refuses must not fail those beside it: then each
/// is tried alone.
async fn apply(batch: &Batch, waiting: Vec<Pending>, changed_accounts: &ChangedAccounts) {
    let submissions: Vec<&Submission> = waiting.iter().map(|pending| &pending.submission).collect();
    match attempt(batch, &submissions).await {
        Ok(answers) => answer(waiting, answers, changed_accounts),
        Err(BatchError::Rejected(_)) if waiting.len() > 1 => {
            let mut answers = Vec::with_capacity(waiting.len());
            let mut lost: Option<SubmitError> = None;
            for submission in submissions {
                if let Some(error) = &lost {
                    answers.push(Err(error.clone()));
                    continue;
                }
                match attempt(batch, &[submission]).await {
                    Ok(answer) => answers.extend(answer),
                    Err(error) => {
                        // Without the database nothing more is tried; what was not tried was not done.
                        if !matches!(error, BatchError::Rejected(_)) {
                            lost = Some(SubmitError::Busy);
                        }
                        answers.push(Err(error.into()));
                    }
                }
            }
            answer(waiting, answers, changed_accounts);
        }
        Err(error) => {
            let error = SubmitError::from(error);
            let answers = waiting.iter().map(|_| Err(error.clone())).collect();
            answer(waiting, answers, changed_accounts);
        }
    }
}

/// One transaction. A panic in it is a defect; it is reported, rolls back, and costs nobody else the writer.
async fn attempt(batch: &Batch, submissions: &[&Submission]) -> Result<Vec<Result<Answer, SubmitError>>, BatchError> {
    let started = Instant::now();
    let result = std::panic::AssertUnwindSafe(batch.apply(submissions)).catch_unwind().await;
    metrics::batch(submissions.len(), started.elapsed());
    let result = result.unwrap_or_else(|_| Err(BatchError::Rejected(StorageError::Corrupt("a batch panicked".into()))));
    if let Err(error) = &result {
        tracing::error!(error = error as &dyn std::error::Error, commands = submissions.len(), "a batch failed");
    }
    result
}

fn answer(waiting: Vec<Pending>, answers: Vec<Result<Answer, SubmitError>>, changed_accounts: &ChangedAccounts) {
    let moved = waiting.iter().zip(&answers).filter(|(_, answer)| answer.as_ref().is_ok_and(|answer| !answer.replayed));
    changed_accounts.mark(moved.map(|(pending, _)| pending.submission.org));
    for (pending, answer) in waiting.into_iter().zip(answers) {
        metrics::command(&pending.submission.command, &answer);
        // Whoever stopped waiting learns the outcome by the key.
        let _ = pending.answer.send(answer);
    }
}

impl From<BatchError> for SubmitError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Rejected(error) | BatchError::Unreachable(error) => Self::Storage(Arc::new(error)),
            BatchError::Unknown(_) => Self::OutcomeUnknown,
        }
    }
}
