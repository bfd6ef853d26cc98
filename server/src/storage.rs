//! SQL: one function per statement, on a connection from the caller. Rows are returned as domain types.

pub mod account_reads;
pub mod accounts;
pub mod api_keys;
pub mod attachments;
pub mod audit;
pub mod batches;
pub mod daily;
pub mod databases;
pub mod entries;
pub mod guards;
pub mod holdings;
pub mod holds;
pub mod idempotency;
pub mod licenses;
pub mod memberships;
pub mod migrations;
pub mod notices;
pub mod organizations;
pub mod outage;
pub mod plan_orders;
pub mod pools;
pub mod purchases;
pub mod quests;
pub mod receipt_numbers;
pub mod sessions;
pub mod settings;
pub mod sign_ins;
pub mod stripe_customers;
pub mod stripe_events;
pub mod sweeps;
pub mod tenant;
pub mod users;

use std::fmt::Display;

use sqlx::postgres::{PgDatabaseError, PgQueryResult};
use uuid::Uuid;

/// A storage function failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database refused the statement or could not be reached.
    #[error("a database statement failed")]
    Database(#[from] sqlx::Error),
    /// A stored value that no version of Brightmeter writes: table, column, row and problem.
    #[error("the database contains an invalid value: {0}")]
    Corrupt(String),
    /// A row that must exist doesn't.
    #[error("{table} has no row {row}")]
    Missing {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
    },
}

impl StorageError {
    /// The row `row` of `table` must exist and doesn't.
    pub fn missing(table: &'static str, row: impl Display) -> Self {
        Self::Missing { table, row: row.to_string() }
    }

    /// The organizations whose accounts had another version than expected, if that is why a batch was not written. Empty
    /// if only an API key or a member no longer holds.
    pub fn stale(&self) -> Option<Vec<Uuid>> {
        let Self::Database(sqlx::Error::Database(error)) = self else { return None };
        let error = error.try_downcast_ref::<PgDatabaseError>().filter(|error| error.code() == "BM001")?;
        Some(error.detail().unwrap_or_default().split(',').filter_map(|org| org.parse().ok()).collect())
    }

    /// Whether a row violated this constraint.
    pub fn violates(&self, constraint: &str) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.constraint() == Some(constraint))
    }

    /// Whether the database is unavailable or overloaded. Then a retry makes sense.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Database(error) if outage::is_outage(error))
    }
}

/// The result of a storage function.
pub type Result<T> = std::result::Result<T, StorageError>;

/// Parses a stored value into a domain type. `row` is the row's key, for the error message.
fn decode<T: TryFrom<V, Error: Display>, V>(
    table: &'static str,
    column: &'static str,
    row: impl Display,
    value: V,
) -> Result<T> {
    T::try_from(value).map_err(|error| corrupt(table, column, row, error))
}

/// The error for an invalid stored value.
fn corrupt(table: &'static str, column: &'static str, row: impl Display, problem: impl Display) -> StorageError {
    StorageError::Corrupt(format!("{table}.{column} of {row}: {problem}"))
}

/// The error for a stored name that the domain doesn't have.
fn unknown(table: &'static str, column: &'static str, row: impl Display, value: &str) -> StorageError {
    corrupt(table, column, row, format_args!("unknown value `{value}`"))
}

/// Checks that a statement changed as many rows as it had to.
fn expect_rows(done: PgQueryResult, expected: usize, table: &'static str, row: impl Display) -> Result<()> {
    if usize::try_from(done.rows_affected()).is_ok_and(|changed| changed == expected) {
        return Ok(());
    }
    Err(StorageError::missing(table, row))
}
