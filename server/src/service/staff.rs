//! The use cases of staff: replay events, reconcile purchases and plans with Stripe, search organizations, and suspend
//! licenses.

pub mod events;

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
    purchases::Purchases,
    reconcile::{self, Report},
    writer::{Submission, SubmitError},
};
pub use crate::storage::organizations::Found;
use crate::storage::{Result, StorageError, organizations, tenant};

/// The age up to which purchases are compared with Stripe.
const RECONCILE_WINDOW: TimeDelta = TimeDelta::days(90);
/// The timeout of a comparison or a fix.
pub const RECONCILE_TIMEOUT: Duration = Duration::from_secs(60);

/// The use cases of the staff console. The `staff_only` guard of their routes authorizes them.
#[derive(Clone)]
pub struct Staff {
    purchases: Purchases,
    plans: Plans,
    /// A pool with the writer's role, which can list all organizations.
    writer_pool: PgPool,
    /// Allows one comparison at a time: Stripe's rate limit is shared by all.
    comparing: Arc<Mutex<()>>,
}

/// Why a comparison or a fix was not completed.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// Another comparison is running.
    #[error("another comparison is running")]
    Busy,
    /// The timeout has passed.
    #[error("the comparison with Stripe timed out")]
    TimedOut,
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl ComparisonError {
    /// Whether Stripe caused the failure.
    pub const fn is_stripe_failure(&self) -> bool {
        matches!(self, Self::TimedOut)
    }
}

impl Staff {
    /// Creates the staff use cases from those that sell.
    pub fn new(purchases: Purchases, plans: Plans, writer_pool: PgPool) -> Self {
        Self { purchases, plans, writer_pool, comparing: Arc::default() }
    }

    /// Returns at most `limit` organizations with `text` in their name or slug.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn find_organizations(&self, text: &str, limit: i64) -> Result<Vec<Found>> {
        let mut tx = tenant::begin_for_all_accounts(&self.writer_pool).await?;
        organizations::search(&mut tx, text, limit).await
    }

    /// Suspends an organization's license. Idempotent by `key`.
    #[tracing::instrument(level = "trace", skip_all)]
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

    /// Lifts the suspension of an organization's license. Idempotent by `key`.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn lift(&self, org: OrgId, key: IdempotencyKey, by: StaffAction) -> std::result::Result<(), SubmitError> {
        let staff = by.user;
        self.purchases.writer.submit(Submission::new(org, Some(key), Command::Lift(by))).await?;
        tracing::info!(%org, %staff, "the suspension of a license was lifted");
        Ok(())
    }

    /// Compares every purchase of the last 90 days and every plan with Stripe, and changes nothing.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn compare(&self) -> std::result::Result<Report, ComparisonError> {
        let _permit = self.comparing.try_lock().map_err(|_| ComparisonError::Busy)?;
        let since = self.purchases.clock.now() - RECONCILE_WINDOW;
        let report = reconcile::run(&self.purchases, &self.plans, &self.writer_pool, since, false);
        Ok(timeout(RECONCILE_TIMEOUT, report).await.map_err(|_| ComparisonError::TimedOut)??)
    }

    /// Applies Stripe's state of one purchase, or of the plan if `purchase` is `None`, where that is safe. Returns
    /// `None` if the purchase does not exist.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn fix(
        &self,
        by: UserId,
        org: OrgId,
        purchase: Option<PurchaseId>,
    ) -> std::result::Result<Option<Report>, ComparisonError> {
        let fix = async {
            match purchase {
                Some(purchase) => reconcile::fix(&self.purchases, org, purchase).await,
                None => Ok(Some(reconcile::fix_plan(&self.plans, org).await)),
            }
        };
        let report = timeout(RECONCILE_TIMEOUT, fix).await.map_err(|_| ComparisonError::TimedOut)??;
        if report.as_ref().is_some_and(|report| report.findings.iter().any(|finding| finding.fixed)) {
            tracing::info!(%org, ?purchase, staff = %by, "Stripe's state was applied");
        }
        Ok(report)
    }
}
