//! The sweeper: books what time brings to accounts that nobody touches. Safe with several replicas: each finds what is due,
//! and whoever comes second finds it booked.

use std::{sync::Arc, time::Duration};

use brightmeter::{command::Command, time::Instant};
use chrono::TimeDelta;
use sqlx::PgPool;

use super::writer::{Submission, SubmitError, Writer};
use crate::{
    clock::Clock,
    metrics,
    storage::{Result, idempotency, sessions, sign_ins, stripe_events, sweeps, tenant},
};

/// How often it looks. A hold is gone within this time after its TTL; invariant I6 allows 60 s.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How many accounts it takes on at once.
const PAGE_SIZE: i64 = 200;
/// How many expired sessions it removes at once.
const PRUNE_LIMIT: i64 = 1_000;

/// How long a receipt is kept at least: so long a request can be repeated under its key.
const IDEMPOTENCY_RETENTION: TimeDelta = TimeDelta::days(7);
/// How long an event of Stripe's is kept that nothing more comes of.
const STRIPE_EVENT_RETENTION: TimeDelta = TimeDelta::days(90);
/// How many receipts it removes at once, and how often in a row: more than the writers make.
const PRUNE_BATCH_SIZE: i64 = 5_000;
/// How many such batches one sweep removes at most.
const MAX_PRUNE_BATCHES: usize = 10;

/// Books what is due, in all organizations.
#[derive(Clone)]
pub struct Sweeper {
    /// As the writer's role.
    pub writer_pool: PgPool,
    /// As the application's role.
    pub app_pool: PgPool,
    /// Applies what it finds.
    pub writer: Writer,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Sweeper {
    /// Sweeps until it is dropped.
    pub async fn run(self) {
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.sweep().await {
                tracing::error!(error = &error as &dyn std::error::Error, "the sweep failed; the next one tries again");
            }
        }
    }

    /// Books everything that is due now; answers how many accounts were.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError) if what is due cannot be found.
    pub async fn sweep(&self) -> Result<usize> {
        let now = self.clock.now();
        let mut swept = 0;
        loop {
            let mut tx = tenant::begin_sweep(&self.writer_pool, now).await?;
            let due = sweeps::list_due(&mut tx, now, PAGE_SIZE).await?;
            drop(tx);
            let results = futures::future::join_all(
                due.iter().map(|org| self.writer.submit(Submission::new(*org, None, Command::Advance))),
            )
            .await;
            let booked = results.iter().filter(|result| result.is_ok()).count();
            for error in results.into_iter().filter_map(std::result::Result::err) {
                if !matches!(error, SubmitError::Busy) {
                    tracing::error!(error = &error as &dyn std::error::Error, "an account could not be swept");
                }
            }
            swept += booked;
            // A page on which nothing could be booked would come back at once: the next tick is soon enough.
            if booked == 0 || i64::try_from(due.len()).is_ok_and(|found| found < PAGE_SIZE) {
                break;
            }
        }
        let mut tx = tenant::begin_census(&self.writer_pool).await?;
        metrics::open_holds(sweeps::count_open_holds(&mut tx).await?);
        drop(tx);
        self.prune_idempotency_records(now - IDEMPOTENCY_RETENTION).await?;
        let mut conn = self.app_pool.acquire().await?;
        sessions::prune(&mut conn, now, PRUNE_LIMIT).await?;
        stripe_events::prune(&mut conn, now - STRIPE_EVENT_RETENTION, PRUNE_LIMIT).await?;
        sign_ins::prune(&mut conn, now - super::throttle::FAILURE_WINDOW, PRUNE_LIMIT).await?;
        Ok(swept)
    }

    async fn prune_idempotency_records(&self, since: Instant) -> Result<()> {
        for _ in 0..MAX_PRUNE_BATCHES {
            let mut tx = tenant::begin_pruning(&self.writer_pool, since).await?;
            let removed = idempotency::prune(&mut tx, since, PRUNE_BATCH_SIZE).await?;
            tx.commit().await?;
            if i64::try_from(removed).is_ok_and(|removed| removed < PRUNE_BATCH_SIZE) {
                break;
            }
        }
        Ok(())
    }
}
