//! The task of one writer: takes the waiting commands, batch by batch, and answers them.

use std::{
    collections::BTreeSet,
    pin::pin,
    time::{Duration, Instant},
};

use brightmeter::{command::Command, ids::OrgId, ledger::outcome::Effect};
use futures::FutureExt;
use tokio::{sync::mpsc, task::yield_now, time::timeout};

use super::{
    Answer, Pending, Submission, SubmitError,
    availability::Availability,
    batch::{Batch, BatchError},
    connection::WriterConnection,
    remembered::RememberedAccounts,
};
use crate::{deadlines::BATCH, metrics, service::balance_events::ChangedAccounts, storage::StorageError};

/// The number of commands per transaction. More would add latency faster than throughput.
const MAX_BATCH_COMMANDS: usize = 256;
/// The duration of a batch after which the writer counts as unable to write.
const SLOW_BATCH: Duration = Duration::from_secs(2);
/// The interval at which a writer without commands checks its connection.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
const _: () = assert!(SLOW_BATCH.as_millis() < BATCH.as_millis());

/// One writer.
pub(super) struct Worker {
    pub(super) number: usize,
    pub(super) batch: Batch,
    pub(super) connection: WriterConnection,
    pub(super) remembered: RememberedAccounts,
    pub(super) changed_accounts: ChangedAccounts,
    pub(super) availability: Availability,
}

impl Worker {
    /// Applies the waiting commands, one transaction at a time, until the queue is closed.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Pending>) {
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
