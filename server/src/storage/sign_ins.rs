//! `sign_in_failures`: failed sign-ins by account and by address.

use brightmeter::time::Instant;
use sqlx::PgConnection;

use super::Result;

/// Failures of `subject` in the window that began after `since`, and when it began.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find(conn: &mut PgConnection, subject: &[u8], since: Instant) -> Result<Option<(i32, Instant)>> {
    let row = sqlx::query!(
        "select failures, first_at from sign_in_failures where subject = $1 and first_at > $2",
        subject,
        since
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.failures, row.first_at)))
}

/// Counts a failure; one after `since` ago begins a new window.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn count(conn: &mut PgConnection, subject: &[u8], now: Instant, since: Instant) -> Result<()> {
    sqlx::query!(
        "insert into sign_in_failures (subject, failures, first_at) values ($1, 1, $2)
         on conflict (subject) do update set
             failures = case when sign_in_failures.first_at > $3 then sign_in_failures.failures + 1 else 1 end,
             first_at = case when sign_in_failures.first_at > $3 then sign_in_failures.first_at else $2 end",
        subject,
        now,
        since
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets the failures of `subject`.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn clear(conn: &mut PgConnection, subject: &[u8]) -> Result<()> {
    sqlx::query!("delete from sign_in_failures where subject = $1", subject).execute(conn).await?;
    Ok(())
}

/// Removes windows that began before `since`, at most `limit`.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn prune(conn: &mut PgConnection, since: Instant, limit: i64) -> Result<()> {
    sqlx::query!(
        "delete from sign_in_failures
         where subject in (select subject from sign_in_failures where first_at <= $1 limit $2)",
        since,
        limit
    )
    .execute(conn)
    .await?;
    Ok(())
}
