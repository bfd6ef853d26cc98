//! What staff do: have events tried again, hold purchases and plans against what Stripe says, look for organizations, and suspend
//! licenses.

use std::{sync::Arc, time::Duration};

use brightmeter::{
    billing::license::StaffAction,
    command::Command,
    idempotency_key::IdempotencyKey,
    ids::{OrgId, PurchaseId, UserId},
};
use chrono::TimeDelta;
use sqlx::PgPool;
use tokio::{sync::Mutex, time::timeout};

use super::{
    plans::Plans,
    purchases::{Purchases, SettleError},
    reconcile::{self, ReconcileError, Report},
    writer::{Submission, SubmitError},
};
use crate::storage::{
    Result,
    organizations::{self, Found},
    stripe_events, tenant,
};

/// How far back purchases are asked about.
const RECONCILE_WINDOW: TimeDelta = TimeDelta::days(90);
/// How long Stripe is asked at most.
pub const RECONCILE_TIMEOUT: Duration = Duration::from_secs(60);

/// Works for staff. Who may use it is for the session layer to say.
#[derive(Clone)]
pub struct Staff {
    purchases: Purchases,
    plans: Plans,
    /// As the writer's role, which sees what organizations there are.
    writer_pool: PgPool,
    /// Held by whoever compares: Stripe's patience is shared by all.
    comparing: Arc<Mutex<()>>,
}

/// Why a comparison was not finished.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileTimeoutError {
    /// Another one is under way.
    #[error("another comparison is under way")]
    Busy,
    /// It took too long.
    #[error("Stripe did not answer about everything in time")]
    TooLong,
    /// It failed.
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
}

impl ReconcileTimeoutError {
    /// Whether it was for Stripe to answer.
    pub const fn is_stripes(&self) -> bool {
        matches!(
            self,
            Self::TooLong
                | Self::Reconcile(ReconcileError::Gateway(_) | ReconcileError::Settle(SettleError::Gateway(_)))
        )
    }
}

impl Staff {
    /// A console beside whatever sells.
    pub fn new(purchases: Purchases, plans: Plans, writer_pool: PgPool) -> Self {
        Self { purchases, plans, writer_pool, comparing: Arc::default() }
    }

    /// Has an event tried at once, and for three days more. Answers whether there is one that was not acted on.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError).
    pub async fn replay(&self, by: UserId, id: &str) -> Result<bool> {
        let mut conn = self.purchases.pool.acquire().await?;
        let found = stripe_events::replay(&mut conn, id, self.purchases.clock.now()).await?;
        drop(conn);
        if found {
            tracing::info!(event = id, staff = %by, "an event is replayed");
            self.purchases.news.notify_one();
        }
        Ok(found)
    }

    /// At most so many organizations with `text` in their name or slug.
    ///
    /// # Errors
    /// [`StorageError`](crate::storage::StorageError).
    pub async fn find_organizations(&self, text: &str, limit: i64) -> Result<Vec<Found>> {
        let mut tx = tenant::begin_census(&self.writer_pool).await?;
        organizations::search(&mut tx, text, limit).await
    }

    /// Suspends the license of an organization. `key` names the form: sent twice, it is done once.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn suspend(
        &self,
        org: OrgId,
        key: IdempotencyKey,
        by: StaffAction,
    ) -> std::result::Result<(), SubmitError> {
        let staff = by.user;
        self.purchases.writer.submit(Submission::new(org, Some(key), Command::Suspend(by))).await?;
        tracing::info!(%org, %staff, "a license was suspended");
        Ok(())
    }

    /// Lifts that, in the same way.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn lift(&self, org: OrgId, key: IdempotencyKey, by: StaffAction) -> std::result::Result<(), SubmitError> {
        let staff = by.user;
        self.purchases.writer.submit(Submission::new(org, Some(key), Command::Lift(by))).await?;
        tracing::info!(%org, %staff, "the suspension of a license was lifted");
        Ok(())
    }

    /// Holds every purchase of the last ninety days and every plan against what Stripe says, and changes nothing.
    ///
    /// # Errors
    /// [`ReconcileTimeoutError`].
    pub async fn compare(&self) -> std::result::Result<Report, ReconcileTimeoutError> {
        let _turn = self.comparing.try_lock().map_err(|_| ReconcileTimeoutError::Busy)?;
        let since = self.purchases.clock.now() - RECONCILE_WINDOW;
        let report = reconcile::run(&self.purchases, &self.plans, &self.writer_pool, since, false);
        Ok(timeout(RECONCILE_TIMEOUT, report).await.map_err(|_| ReconcileTimeoutError::TooLong)??)
    }

    /// Takes in what Stripe says of one purchase, or of the plan, where that is safe. Nothing if there is no such purchase.
    ///
    /// # Errors
    /// [`ReconcileTimeoutError`].
    pub async fn mend(
        &self,
        by: UserId,
        org: OrgId,
        purchase: Option<PurchaseId>,
    ) -> std::result::Result<Option<Report>, ReconcileTimeoutError> {
        let mend = async {
            match purchase {
                Some(purchase) => reconcile::mend(&self.purchases, org, purchase).await,
                None => reconcile::mend_plan(&self.plans, org).await.map(Some),
            }
        };
        let report = timeout(RECONCILE_TIMEOUT, mend).await.map_err(|_| ReconcileTimeoutError::TooLong)??;
        if report.as_ref().is_some_and(|report| report.findings.iter().any(|finding| finding.mended)) {
            tracing::info!(%org, ?purchase, staff = %by, "what Stripe says was taken in");
        }
        Ok(report)
    }
}
