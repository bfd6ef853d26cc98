//! Quest jobs: hold, run, then capture with the quests or release with the reason. A job stands as its hold stands.

use std::{sync::Arc, time::Duration};

use brightmeter::{
    command::{Caller, Command, Quantity, Usage},
    features::quest::{Goal, QuestDraft},
    idempotency_key::IdempotencyKey,
    ids::{HoldId, MemberId, OrgId},
    ledger::outcome::Effect,
    names::FeatureName,
};
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::task::TaskTracker;

use super::writer::{Submission, SubmitError, Writer};
use crate::ai::AiProvider;

/// The feature that a quest job uses.
pub const FEATURE: &str = "quest_generation";
/// How long a job's tokens are reserved at most: if the server is killed, they are free again this much later.
const HOLD_TTL_SECONDS: u32 = 120;
/// How long the provider may take, its own deadline included.
const JOB_TIMEOUT: Duration = Duration::from_secs(60);
/// How many jobs run at once; further ones wait for their turn within their deadline.
const MAX_CONCURRENT_JOBS: usize = 32;
/// How often the end of a job is told to the writer before the TTL has to settle it.
const MAX_SETTLE_ATTEMPTS: u32 = 5;

/// A job that has its tokens reserved.
#[derive(Debug)]
pub struct Started {
    /// Its id, which is that of its hold.
    pub job: HoldId,
    /// Ends when the job has; none if an earlier request with the same key started it.
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
    /// Runs jobs on `provider`.
    ///
    /// # Errors
    /// Never in practice: the feature's name is a constant.
    pub fn new(writer: Writer, provider: Arc<dyn AiProvider>) -> Result<Self, brightmeter::names::NameError> {
        let (permits, running) = (Arc::new(Semaphore::new(MAX_CONCURRENT_JOBS)), TaskTracker::new());
        Ok(Self { writer, provider, permits, running, feature: FEATURE.parse()? })
    }

    /// The use that one job is.
    pub fn usage(&self, member: MemberId) -> Usage {
        let (feature, quantity) = (self.feature.clone(), Quantity::ONE);
        Usage { caller: Caller::Member { member }, feature, quantity, metadata: None }
    }

    /// Reserves the tokens and starts the job; answers once both are durable. A repeat of `key` starts nothing and
    /// answers the same job.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn start(
        &self,
        org: OrgId,
        member: MemberId,
        goal: Goal,
        key: IdempotencyKey,
    ) -> Result<Started, SubmitError> {
        // In a task of its own: a browser that closes meanwhile must not leave a hold behind whose job nobody runs.
        let (jobs, (facts, opened)) = (self.clone(), oneshot::channel());
        let running = self.running.spawn(async move {
            match jobs.open(org, member, goal.clone(), key).await {
                Ok((hold, is_new)) => {
                    let _ = facts.send(Ok((hold, is_new)));
                    if is_new {
                        jobs.run(org, hold, goal).await;
                    }
                }
                Err(error) => {
                    let _ = facts.send(Err(error));
                }
            }
        });
        let (job, is_new) = opened.await.unwrap_or(Err(SubmitError::OutcomeUnknown))?;
        Ok(Started { job, running: is_new.then_some(running) })
    }

    /// Waits for running jobs to end, for as long as `patience`. Those that take longer are settled by their TTL.
    pub async fn finish(&self, patience: Duration) {
        self.running.close();
        if timeout(patience, self.running.wait()).await.is_err() {
            tracing::warn!(jobs = self.running.len(), "jobs still run; their tokens return when their holds lapse");
        }
    }

    /// Opens the hold; answers whether this call did. An unknown outcome is asked for again under the same key, so that a
    /// hold which was opened after all gets its job.
    async fn open(
        &self,
        org: OrgId,
        member: MemberId,
        goal: Goal,
        key: IdempotencyKey,
    ) -> Result<(HoldId, bool), SubmitError> {
        let command =
            Command::OpenHold { usage: self.usage(member), ttl_seconds: Some(HOLD_TTL_SECONDS), job: Some(goal) };
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
            Ok(quests) => Command::Capture { hold, amount: None, quests },
            Err(reason) => Command::Release { hold, reason: reason.into() },
        };
        let name = if matches!(command, Command::Capture { .. }) { "capture" } else { "release" };
        self.settle(org, command, &format!("job:{hold}:{name}")).await;
    }

    /// Asks the provider in a task of its own, so that a panic in it is a failed job like any other.
    async fn generate(&self, goal: Goal) -> Result<Vec<QuestDraft>, &'static str> {
        let (provider, permits) = (self.provider.clone(), self.permits.clone());
        let mut task = tokio::spawn(async move {
            let _turn = permits.acquire_owned().await;
            provider.generate_quests(&goal).await
        });
        match timeout(JOB_TIMEOUT, &mut task).await {
            Ok(Ok(Ok(quests))) => Ok(quests),
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

    /// Tells the writer how the job ended. The key makes it safe to say it again when the outcome is unknown.
    async fn settle(&self, org: OrgId, command: Command, key: &str) {
        let key = key.parse::<IdempotencyKey>().ok();
        for attempt in 1..=MAX_SETTLE_ATTEMPTS {
            let submission = Submission::new(org, key.clone(), command.clone());
            match self.writer.submit(submission).await {
                Ok(_) => return,
                // Expired before it ended: nothing was charged, and nothing is delivered.
                Err(error @ (SubmitError::Refused(_) | SubmitError::KeyReused)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a job ended too late");
                    return;
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, attempt, "a job's end was not booked yet");
                    tokio::time::sleep(Duration::from_secs(1) * attempt).await;
                }
            }
        }
    }
}
