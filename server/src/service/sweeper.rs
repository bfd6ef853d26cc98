//! The sweeper: books due resets, expiries and license steps of idle accounts, and prunes old rows.
//!
//! Safe with several replicas: of two that find the same account due, the second finds the changes already booked.

use std::{sync::Arc, time::Duration};

use brightmeter::{command::Command, ids::OrgId, time::Instant};
use chrono::TimeDelta;
use sqlx::PgPool;

use super::writer::{Submission, SubmitError, Writer};
use crate::{
    clock::Clock,
    deadlines::BATCH,
    metrics,
    storage::{Result, idempotency, outage::within, sessions, sign_ins, stripe_events, sweeps, tenant},
};

/// The interval between sweeps. A hold expires within this time after its TTL; invariant I6 allows 60 s.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// The number of due accounts read per query.
const PAGE_SIZE: i64 = 200;
/// The number of rows removed per table and sweep: sessions, Stripe events and sign-in attempts.
const PRUNE_LIMIT: i64 = 1_000;

/// The minimum retention of idempotency records: requests can be repeated under their key for this time.
const IDEMPOTENCY_RETENTION: TimeDelta = TimeDelta::days(7);
/// The retention of Stripe events that are processed or need attention.
const STRIPE_EVENT_RETENTION: TimeDelta = TimeDelta::days(90);
/// The number of idempotency records removed per batch. Together with [`MAX_PRUNE_BATCHES`], more than the writers
/// create.
const PRUNE_BATCH_SIZE: i64 = 5_000;
/// The number of batches per sweep.
const MAX_PRUNE_BATCHES: usize = 10;

/// Books due changes in all organizations.
#[derive(Clone)]
pub struct Sweeper {
    /// A pool with the writer's role.
    pub writer_pool: PgPool,
    /// A pool with the application's role.
    pub app_pool: PgPool,
    /// Books the due changes.
    pub writer: Writer,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl Sweeper {
    /// Sweeps until the future is dropped.
    pub async fn run(self) {
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // The writers report an outage.
            if let Err(error) = self.sweep().await
                && !error.is_outage()
            {
                tracing::error!(error = &error as &dyn std::error::Error, "the sweep failed; the next one tries again");
            }
        }
    }

    /// Books all changes that are due now and prunes old rows. Returns the number of accounts booked.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError) if due accounts cannot be found or rows cannot be pruned. An
    /// account that cannot be booked is only logged.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sweep(&self) -> Result<usize> {
        let now = self.clock.now();
        let mut swept = 0;
        loop {
            let due = within(BATCH, self.list_due(now)).await?;
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
            // A page on which no account could be booked would be read again immediately: wait for the next tick.
            if booked == 0 || i64::try_from(due.len()).is_ok_and(|found| found < PAGE_SIZE) {
                break;
            }
        }
        metrics::open_holds(within(BATCH, self.count_open_holds()).await?);
        for _ in 0..MAX_PRUNE_BATCHES {
            let removed = within(BATCH, self.prune_idempotency_records(now - IDEMPOTENCY_RETENTION)).await?;
            if i64::try_from(removed).is_ok_and(|removed| removed < PRUNE_BATCH_SIZE) {
                break;
            }
        }
        within(BATCH, self.prune(now)).await?;
        Ok(swept)
    }

    async fn list_due(&self, now: Instant) -> Result<Vec<OrgId>> {
        let mut tx = tenant::begin_sweep(&self.writer_pool, now).await?;
        sweeps::list_due(&mut tx, now, PAGE_SIZE).await
    }

    async fn count_open_holds(&self) -> Result<i64> {
        let mut tx = tenant::begin_for_all_accounts(&self.writer_pool).await?;
        sweeps::count_open_holds(&mut tx).await
    }

    async fn prune_idempotency_records(&self, since: Instant) -> Result<u64> {
        let mut tx = tenant::begin_pruning(&self.writer_pool, since).await?;
        let removed = idempotency::prune(&mut tx, since, PRUNE_BATCH_SIZE).await?;
        tx.commit().await?;
        Ok(removed)
    }

    /// Prunes sessions, Stripe events and sign-in attempts.
    async fn prune(&self, now: Instant) -> Result<()> {
        let mut conn = self.app_pool.acquire().await?;
        sessions::prune(&mut conn, now, PRUNE_LIMIT).await?;
        stripe_events::prune(&mut conn, now - STRIPE_EVENT_RETENTION, PRUNE_LIMIT).await?;
        sign_ins::prune(&mut conn, now - super::throttle::FAILURE_WINDOW, PRUNE_LIMIT).await.map(drop)
    }
}
