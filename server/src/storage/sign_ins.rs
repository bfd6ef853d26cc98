//! `sign_in_failures`: failed sign-ins by account and by address.

use brightmeter::time::Instant;
use sqlx::PgConnection;

use super::Result;

/// Counts an attempt of `subject`; one whose window began before `since` begins a new one. Answers how many the window has
/// now, and when it began.
///
/// # Errors
/// [`StorageError`](super::StorageError).
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

/// Takes one attempt of `subject` back: it was no failure.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn give_back(conn: &mut PgConnection, subject: &[u8]) -> Result<()> {
    sqlx::query!("update sign_in_failures set failures = failures - 1 where subject = $1 and failures > 1", subject)
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
