//! Postgres: one function a statement, on the connection that it is given. Rows come out as domain types.

pub mod account_reads;
pub mod accounts;
pub mod api_keys;
pub mod audit;
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

/// Why storage did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database refused or could not be reached.
    #[error("the database did not answer as expected")]
    Database(#[from] sqlx::Error),
    /// A row that no version of Brightmeter writes.
    #[error("the database holds something that cannot be read: {0}")]
    Corrupt(String),
}

impl StorageError {
    /// Whether the database could not be asked at all: then nothing was done, and it makes sense to try again.
    pub fn is_outage(&self) -> bool {
        use sqlx::Error::{Io, PoolClosed, PoolTimedOut, Tls, WorkerCrashed};
        matches!(self, Self::Database(Io(_) | Tls(_) | PoolTimedOut | PoolClosed | WorkerCrashed))
    }
}

/// What storage functions answer.
pub type Result<T> = std::result::Result<T, StorageError>;

/// Reads a value that the domain parses.
fn decode<T: TryFrom<V, Error: std::fmt::Display>, V>(what: &'static str, value: V) -> Result<T> {
    T::try_from(value).map_err(|error| StorageError::Corrupt(format!("{what}: {error}")))
}

/// A row that says what the domain has no word for.
fn corrupt(what: impl Into<String>) -> StorageError {
    StorageError::Corrupt(what.into())
}
