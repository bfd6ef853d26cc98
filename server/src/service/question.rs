//! Reading an account: committed state, with what time has brought booked first, so that every reader sees the same numbers.

use std::sync::Arc;

use brightmeter::{
    account::Account,
    catalog::Catalog,
    command::Command,
    decide::{Context, is_due},
    guard::GuardId,
    ids::{OrgId, TransactionId},
    time::Instant,
};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::writer::{Submission, SubmitError, Writer, load};
use crate::{
    clock::Clock,
    storage::{self, StorageError, accounts, tenant},
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
pub struct Reader {
    /// As the application's role.
    pub pool: PgPool,
    /// What is sold.
    pub catalog: Arc<Catalog>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Books what is due.
    pub writer: Writer,
}

impl Reader {
    /// The account of `org` with the guard of a caller, in a transaction that sees that organization as it stood at one
    /// instant; more can be read in it. What time has brought is booked first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn account(
        &self,
        org: OrgId,
        guard: Option<GuardId>,
    ) -> Result<(Account, sqlx::Transaction<'static, sqlx::Postgres>), ReadError> {
        let now = self.clock.now();
        let mut tx = tenant::begin_snapshot(&self.pool, org).await?;
        let account = self.load(&mut tx, org, guard, now).await?;
        if !is_due(&account, &self.context(now)) {
            return Ok((account, tx));
        }
        drop(tx);
        self.writer.submit(Submission::new(org, None, Command::Advance)).await?;
        let mut tx = tenant::begin_snapshot(&self.pool, org).await?;
        let account = self.load(&mut tx, org, guard, now).await?;
        Ok((account, tx))
    }

    /// The context of a question asked at `now`: it decides nothing, so its transaction has no id.
    pub fn context(&self, now: Instant) -> Context<'_> {
        Context { catalog: &self.catalog, now, transaction: TransactionId(Uuid::nil()) }
    }

    async fn load(
        &self,
        conn: &mut PgConnection,
        org: OrgId,
        guard: Option<GuardId>,
        now: Instant,
    ) -> Result<Account, ReadError> {
        let found = accounts::find(conn, org).await?.ok_or(ReadError::NotFound)?;
        Ok(load::for_question(conn, found, guard, now).await?)
    }
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(storage::StorageError::from(error))
    }
}
