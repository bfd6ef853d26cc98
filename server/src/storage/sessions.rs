//! `sessions`: browser sessions, for tower-sessions.

use brightmeter::time::Instant;
use sqlx::PgConnection;

use super::Result;

/// Inserts a session; false if the id is taken.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn insert(conn: &mut PgConnection, id: &str, data: &[u8], expires_at: Instant) -> Result<bool> {
    let done = sqlx::query!(
        "insert into sessions (id, data, expires_at) values ($1, $2, $3) on conflict (id) do nothing",
        id,
        data,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes a session that exists; one that was ended meanwhile stays ended.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn update(conn: &mut PgConnection, id: &str, data: &[u8], expires_at: Instant) -> Result<()> {
    sqlx::query!("update sessions set data = $2, expires_at = $3 where id = $1", id, data, expires_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// The record and end of a session that has not expired at `now`.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find(conn: &mut PgConnection, id: &str, now: Instant) -> Result<Option<(Vec<u8>, Instant)>> {
    let row = sqlx::query!("select data, expires_at from sessions where id = $1 and expires_at > $2", id, now)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| (row.data, row.expires_at)))
}

/// Ends a session.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn delete(conn: &mut PgConnection, id: &str) -> Result<()> {
    sqlx::query!("delete from sessions where id = $1", id).execute(conn).await?;
    Ok(())
}

/// Removes sessions that expired before `now`, at most `limit`; answers how many.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn prune(conn: &mut PgConnection, now: Instant, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        "delete from sessions where id in (select id from sessions where expires_at <= $1 limit $2)",
        now,
        limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
