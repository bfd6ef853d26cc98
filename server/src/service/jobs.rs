//! Quest jobs: open a hold, run, then capture it with the quests or release it with the reason. A job's state is that
//! of its hold.

use std::{sync::Arc, time::Duration};

use brightmeter::{
    command::{Caller, Command, Usage},
    features::quest::{Goal, QuestDraft},
    idempotency_key::IdempotencyKey,
    ids::{HoldId, JobId, MemberId, OrgId},
    ledger::{attachment::Attachment, outcome::Effect},
    names::FeatureName,
    quantity::Quantity,
    time::Instant,
};
use sqlx::PgPool;
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::task::TaskTracker;

use super::writer::{Submission, SubmitError, Writer};
use crate::{
    ai::AiProvider,
    storage::{quests, tenant},
};

/// The feature that quest jobs use.
pub const FEATURE: &str = "quest_generation";
/// The TTL of a job's hold. If the server is killed, the tokens are available again after this time.
const HOLD_TTL_SECONDS: u32 = 120;
/// The timeout of the AI provider, its own deadline included.
const JOB_TIMEOUT: Duration = Duration::from_secs(60);
/// The number of concurrent jobs. Further ones wait, within their own timeout.
const MAX_CONCURRENT_JOBS: usize = 32;
/// The number of attempts to close a job's hold. After that, the hold expires by its TTL.
const MAX_CLOSE_ATTEMPTS: u32 = 5;

/// A job whose tokens are held.
#[derive(Debug)]
pub struct Started {
    /// The job's id, which is that of its hold.
    pub job: HoldId,
    /// Completes when the job ends. `None` if an earlier request with the same idempotency key started it.
    pub running: Option<JoinHandle<()>>,
}

/// Runs quest jobs.
#[derive(Clone)]
pub struct Jobs {
    writer: Writer,
    provider: Arc<dyn AiProvider>,
    permits: Arc<Semaphore>,
    running: TaskTracker,
    feature: FeatureName,
}

impl Jobs {
    /// Creates the service on `provider`.
    ///
    /// # Errors
    /// Never in practice: the feature's name is a constant.
    pub fn new(writer: Writer, provider: Arc<dyn AiProvider>) -> Result<Self, brightmeter::names::NameError> {
        let (permits, running) = (Arc::new(Semaphore::new(MAX_CONCURRENT_JOBS)), TaskTracker::new());
        Ok(Self { writer, provider, permits, running, feature: FEATURE.parse()? })
    }

    /// Returns the usage of one job.
    pub fn usage(&self, member: MemberId) -> Usage {
        let (feature, quantity) = (self.feature.clone(), Quantity::ONE);
        Usage { caller: Caller::Member { member }, feature, quantity, metadata: None }
    }

    /// Opens the hold and starts the job. Returns once the hold and the goal are durable. Idempotent by `key`: a repeat
    /// starts nothing and returns the same job.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn start(
        &self,
        org: OrgId,
        member: MemberId,
        goal: Goal,
        key: IdempotencyKey,
    ) -> Result<Started, SubmitError> {
        // In a separate task: if the browser disconnects, the hold must not be left without a running job.
        let (jobs, (sender, opened)) = (self.clone(), oneshot::channel());
        let running = self.running.spawn(async move {
            match jobs.open(org, member, goal.clone(), key).await {
                Ok((hold, is_new)) => {
                    let _ = sender.send(Ok((hold, is_new)));
                    if is_new {
                        jobs.run(org, hold, goal).await;
                    }
                }
                Err(error) => {
                    let _ = sender.send(Err(error));
                }
            }
        });
        let (job, is_new) = opened.await.unwrap_or(Err(SubmitError::OutcomeUnknown))?;
        Ok(Started { job, running: is_new.then_some(running) })
    }

    /// Marks a quest as done, or open again with `None`. Returns whether the quest exists.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError) if the database fails.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn set_done(
        &self,
        pool: &PgPool,
        org: OrgId,
        job: JobId,
        position: i16,
        done_at: Option<Instant>,
    ) -> crate::storage::Result<bool> {
        let mut tx = tenant::begin(pool, org).await?;
        let found = quests::set_done(&mut tx, org, job, position, done_at).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Waits up to `max_wait` for running jobs to end. The holds of the others expire by their TTL.
    pub async fn finish(&self, max_wait: Duration) {
        self.running.close();
        if timeout(max_wait, self.running.wait()).await.is_err() {
            tracing::warn!(
                jobs = self.running.len(),
                "jobs are still running; their tokens are released when their holds expire"
            );
        }
    }

    /// Opens the hold. Returns whether this call opened it. An unknown outcome is looked up with the same idempotency
    /// key, so that a hold which was opened after all gets its job.
    async fn open(
        &self,
        org: OrgId,
        member: MemberId,
        goal: Goal,
        key: IdempotencyKey,
    ) -> Result<(HoldId, bool), SubmitError> {
        let command = Command::OpenHold {
            usage: self.usage(member),
            ttl_seconds: Some(HOLD_TTL_SECONDS),
            attachment: Some(goal.attachment()),
        };
        let submission = Submission::new(org, Some(key), command);
        let mut was_unknown = false;
        loop {
            match self.writer.submit(submission.clone()).await {
                Ok(answer) => {
                    let Effect::HoldOpened { hold, .. } = answer.outcome.effect else {
                        return Err(SubmitError::KeyReused);
                    };
                    return Ok((hold, was_unknown || !answer.replayed));
                }
                Err(SubmitError::OutcomeUnknown) if !was_unknown => was_unknown = true,
                Err(error) => return Err(error),
            }
        }
    }

    async fn run(&self, org: OrgId, hold: HoldId, goal: Goal) {
        let command = match self.generate(goal).await {
            Ok(result) => Command::Capture { hold, amount: None, attachment: Some(result) },
            Err(reason) => Command::Release { hold, reason: reason.into() },
        };
        let name = if matches!(command, Command::Capture { .. }) { "capture" } else { "release" };
        self.close_hold(org, command, &format!("job:{hold}:{name}")).await;
    }

    /// Calls the provider in a separate task, so that a panic fails only this job.
    async fn generate(&self, goal: Goal) -> Result<Attachment, &'static str> {
        let (provider, permits) = (self.provider.clone(), self.permits.clone());
        let mut task = tokio::spawn(async move {
            let _permit = permits.acquire_owned().await;
            provider.generate_quests(&goal).await
        });
        match timeout(JOB_TIMEOUT, &mut task).await {
            Ok(Ok(Ok(quests))) => QuestDraft::attachment(&quests).map_err(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "a job's result could not be attached");
                "The AI service's answer could not be stored."
            }),
            Ok(Ok(Err(error))) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    provider = self.provider.name(),
                    "a job failed"
                );
                Err(error.public_reason())
            }
            Ok(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    provider = self.provider.name(),
                    "a job crashed"
                );
                Err("The AI service crashed while it worked on this.")
            }
            Err(_) => {
                task.abort();
                Err("The AI service took too long to answer.")
            }
        }
    }

    /// Captures or releases the job's hold. The idempotency key makes retries safe when the outcome is unknown.
    async fn close_hold(&self, org: OrgId, command: Command, key: &str) {
        let key = key.parse::<IdempotencyKey>().ok();
        for attempt in 1..=MAX_CLOSE_ATTEMPTS {
            let submission = Submission::new(org, key.clone(), command.clone());
            match self.writer.submit(submission).await {
                Ok(_) => return,
                // The hold expired before the job ended: nothing was charged and nothing is delivered.
                Err(error @ (SubmitError::Refused(_) | SubmitError::KeyReused)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a job ended after its hold had expired");
                    return;
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        attempt,
                        "a job's hold could not be closed yet"
                    );
                    tokio::time::sleep(Duration::from_secs(1) * attempt).await;
                }
            }
        }
    }
}
