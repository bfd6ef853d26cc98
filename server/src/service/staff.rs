//! The use cases of staff: replay events, reconcile purchases and plans with Stripe, search organizations, and suspend
//! licenses.

pub mod events;
pub mod reconciliation;

use std::sync::Arc;

use brightmeter::{billing::license::StaffAction, command::Command, idempotency_key::IdempotencyKey, ids::OrgId};
use sqlx::PgPool;
use tokio::sync::Mutex;

use super::{
    plans::Plans,
    purchases::Purchases,
    writer::{Submission, SubmitError},
};
pub use crate::storage::organizations::Found;
use crate::storage::{Result, organizations, tenant};

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
}
