//! `sign_in_failures`: failed sign-ins by account and by network address.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::time::Instant;
use sqlx::PgConnection;

use super::Result;

/// Counts an attempt of `subject`. A window that began before `since` is replaced by a new one. Returns the number of
/// attempts in the window and its start.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn count(conn: &mut PgConnection, subject: &[u8], now: Instant, since: Instant) -> Result<(i32, Instant)> {
    let row = sqlx::query!(
        "insert into sign_in_failures (subject, failures, first_at) values ($1, 1, $2)
         on conflict (subject) do update set
             failures = case when sign_in_failures.first_at > $3 then sign_in_failures.failures + 1 else 1 end,
             first_at = case when sign_in_failures.first_at > $3 then sign_in_failures.first_at else $2 end
         returning failures, first_at",
        subject,
        now,
        since
    )
    .fetch_one(conn)
    .await?;
    Ok((row.failures, row.first_at))
}

/// Subtracts one attempt of `subject` that was not a failure. Returns false if only one attempt, or none, is counted.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn uncount(conn: &mut PgConnection, subject: &[u8]) -> Result<bool> {
    let done = sqlx::query!(
        "update sign_in_failures set failures = failures - 1 where subject = $1 and failures > 1",
        subject
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes the failures of `subject`. Returns whether it had any.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn clear(conn: &mut PgConnection, subject: &[u8]) -> Result<bool> {
    let done = sqlx::query!("delete from sign_in_failures where subject = $1", subject).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes at most `limit` windows that began by `since`. Returns their number.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn prune(conn: &mut PgConnection, since: Instant, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        "delete from sign_in_failures
         where subject in (select subject from sign_in_failures where first_at <= $1 limit $2)",
        since,
        limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
