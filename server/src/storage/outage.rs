//! Outages: which errors mean that the database is unavailable or overloaded, and not that a statement is wrong.

use std::{error::Error, time::Duration};

use sqlx::Error as SqlxError;
use tokio::time::timeout;

/// The SQLSTATE classes and codes of an outage: connection exceptions (08), transaction rollbacks such as deadlocks (40),
/// insufficient resources such as a full disk (53), lock timeouts (55P03), operator intervention, shutdowns and statement
/// timeouts (57), system errors (58), and a transaction that was idle for too long (25P03).
/// Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const SQLSTATES: [&str; 7] = ["08", "40", "53", "55P03", "57", "58", "25P03"];

/// Whether an error of the database is an outage. Then a transaction was not committed, unless the error came from the
/// COMMIT, and a retry makes sense.
pub fn is_outage(error: &SqlxError) -> bool {
    match error {
        SqlxError::Database(error) => {
            error.code().is_some_and(|code| SQLSTATES.iter().any(|class| code.starts_with(class)))
        }
        // A connection that is cut in the middle of a message leaves a protocol error.
        SqlxError::Io(_)
        | SqlxError::Tls(_)
        | SqlxError::Protocol(_)
        | SqlxError::PoolTimedOut
        | SqlxError::PoolClosed
        | SqlxError::WorkerCrashed => true,
        _ => false,
    }
}

/// Whether an error, or one of its sources, is an outage of the database.
pub fn is_caused_by_outage(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<SqlxError>().is_some_and(is_outage) {
            return true;
        }
        next = error.source();
    }
    false
}

/// Runs a step that uses the database, and gives up at its deadline.
///
/// # Errors
/// The step's own, or [`timed_out`].
pub async fn within<T, E: From<SqlxError>>(limit: Duration, step: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    timeout(limit, step).await.unwrap_or_else(|_| Err(timed_out().into()))
}

/// The error of a step that did not end before its deadline.
pub fn timed_out() -> SqlxError {
    SqlxError::Io(std::io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::StorageError;

    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Outer(#[from] StorageError);

    #[test]
    fn an_outage_is_found_behind_other_errors() {
        let outer = |error: SqlxError| Outer(StorageError::from(error));
        assert!(is_caused_by_outage(&timed_out()));
        assert!(is_caused_by_outage(&outer(SqlxError::PoolTimedOut)));
        assert!(!is_caused_by_outage(&outer(SqlxError::RowNotFound)));
        assert!(!is_caused_by_outage(&Outer(StorageError::Corrupt(String::new()))));
    }
}
