//! Reads accounts from committed state. Due resets, expiries and license steps are booked first, so that all readers
//! see the same numbers.

use std::sync::Arc;

use brightmeter::{
    access::api_key::ApiKey,
    catalog::Catalog,
    command::Command,
    decide::Context,
    ids::{ApiKeyId, OrgId, TransactionId},
    time::Instant,
    time_zone::TimeZone,
};
use chrono::NaiveDate;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    org_reads::OrgReads,
    writer::{Submission, SubmitError, Writer},
};
pub use crate::storage::{
    account_reads::{AccountRead, Requester},
    daily::{Group, Sum},
};
use crate::{
    clock::Clock,
    storage::{self, StorageError, account_reads, daily},
};

/// Why an account could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The organization has no account.
    #[error("unknown organization")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Due changes could not be booked.
    #[error("due changes could not be booked")]
    Submit(#[from] SubmitError),
}

/// Reads accounts.
#[derive(Clone)]
pub struct AccountReader {
    /// A pool with the application's role.
    pub pool: PgPool,
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Books due changes.
    pub writer: Writer,
}

impl AccountReader {
    /// Loads an organization's account and the requester's status, after booking due changes.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn load(&self, org: OrgId, requester: &Requester) -> Result<AccountRead, ReadError> {
        let mut conn = self.pool.acquire().await?;
        let read = account_reads::find(&mut conn, org, requester).await?.ok_or(ReadError::NotFound)?;
        if !self.is_due(&read) {
            return Ok(read);
        }
        drop(conn);
        self.advance(org).await?;
        account_reads::find(&mut *self.pool.acquire().await?, org, requester).await?.ok_or(ReadError::NotFound)
    }

    /// Like [`Self::load`], but also returns the snapshot transaction, so that more can be read from the same state.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn open(&self, org: OrgId, requester: &Requester) -> Result<(AccountRead, OrgReads), ReadError> {
        let mut reads = OrgReads::begin_snapshot(&self.pool, org).await?;
        let mut read = account_reads::find(&mut reads.tx, org, requester).await?.ok_or(ReadError::NotFound)?;
        if self.is_due(&read) {
            drop(reads);
            self.advance(org).await?;
            reads = OrgReads::begin_snapshot(&self.pool, org).await?;
            read = account_reads::find(&mut reads.tx, org, requester).await?.ok_or(ReadError::NotFound)?;
        }
        Ok((read, reads))
    }

    /// Returns the time zone of `org`.
    ///
    /// # Errors
    /// [`StorageError`] if the database fails or the organization doesn't exist.
    pub async fn time_zone(&self, org: OrgId) -> Result<TimeZone, StorageError> {
        let organization = OrgReads::begin(&self.pool, org).await?.organization().await?;
        Ok(organization.ok_or_else(|| StorageError::missing("organizations", org))?.time_zone)
    }

    /// Returns the usage of `org` from `from` to `to`, both included, summed by `group`; and the API key `key`, if it
    /// exists.
    ///
    /// # Errors
    /// [`StorageError`] if the database fails.
    pub async fn usage_sums(
        &self,
        org: OrgId,
        key: Option<ApiKeyId>,
        from: NaiveDate,
        to: NaiveDate,
        group: Group,
    ) -> Result<(Option<ApiKey>, Vec<Sum>), StorageError> {
        daily::sum(&mut *self.pool.acquire().await?, org, key, from, to, group).await
    }

    fn is_due(&self, read: &AccountRead) -> bool {
        read.due_at.is_some_and(|at| at <= self.clock.now())
    }

    async fn advance(&self, org: OrgId) -> Result<(), SubmitError> {
        self.writer.submit(Submission::new(org, None, Command::Advance)).await.map(drop)
    }

    /// Returns the context for a preview at `now`. Nothing is applied, so the transaction id is nil.
    pub fn context(&self, now: Instant) -> Context<'_> {
        Context { catalog: &self.catalog, now, transaction: TransactionId(Uuid::nil()) }
    }
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(storage::StorageError::from(error))
    }
}
