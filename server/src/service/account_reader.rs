//! Reading an account: committed state, with what time has brought booked first, so that every reader sees the same numbers.

use std::sync::Arc;

use brightmeter::{
    catalog::Catalog,
    command::Command,
    decide::Context,
    ids::{OrgId, TransactionId},
    time::Instant,
};
use sqlx::PgPool;
use uuid::Uuid;

use super::writer::{Submission, SubmitError, Writer};
use crate::{
    clock::Clock,
    storage::{
        self, StorageError,
        account_reads::{self, AccountRead, Requester},
        tenant,
    },
};

/// Why an account could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The organization has no account.
    #[error("there is no such organization")]
    NotFound,
    /// The database did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What time brought could not be booked.
    #[error("what was due could not be booked")]
    Submit(#[from] SubmitError),
}

/// Reads accounts.
#[derive(Clone)]
pub struct AccountReader {
    /// As the application's role.
    pub pool: PgPool,
    /// What is sold.
    pub catalog: Arc<Catalog>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Books what is due.
    pub writer: Writer,
}

impl AccountReader {
    /// The account of `org`, and how the asker stands. What time has brought is booked first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn load(&self, org: OrgId, requester: &Requester) -> Result<AccountRead, ReadError> {
        let mut conn = self.pool.acquire().await?;
        let load = account_reads::find(&mut conn, org, requester).await?.ok_or(ReadError::NotFound)?;
        if !self.is_due(&load) {
            return Ok(load);
        }
        drop(conn);
        self.advance(org).await?;
        account_reads::find(&mut *self.pool.acquire().await?, org, requester).await?.ok_or(ReadError::NotFound)
    }

    /// The same, in a transaction that sees that organization as it stood at one instant, so that more can be read with it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn open(
        &self,
        org: OrgId,
        requester: &Requester,
    ) -> Result<(AccountRead, sqlx::Transaction<'static, sqlx::Postgres>), ReadError> {
        let mut tx = tenant::begin_snapshot(&self.pool, org).await?;
        let mut load = account_reads::find(&mut tx, org, requester).await?.ok_or(ReadError::NotFound)?;
        if self.is_due(&load) {
            drop(tx);
            self.advance(org).await?;
            tx = tenant::begin_snapshot(&self.pool, org).await?;
            load = account_reads::find(&mut tx, org, requester).await?.ok_or(ReadError::NotFound)?;
        }
        Ok((load, tx))
    }

    fn is_due(&self, load: &AccountRead) -> bool {
        load.due_at.is_some_and(|at| at <= self.clock.now())
    }

    async fn advance(&self, org: OrgId) -> Result<(), SubmitError> {
        self.writer.submit(Submission::new(org, None, Command::Advance)).await.map(drop)
    }

    /// The context of a question asked at `now`: it decides nothing, so its transaction has no id.
    pub fn context(&self, now: Instant) -> Context<'_> {
        Context { catalog: &self.catalog, now, transaction: TransactionId(Uuid::nil()) }
    }
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(storage::StorageError::from(error))
    }
}
