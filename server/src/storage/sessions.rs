//! `sessions`: browser sessions, for tower-sessions.

use brightmeter::{ids::UserId, time::Instant};
use sqlx::PgConnection;

use super::Result;

/// A session as it is kept.
#[derive(Debug)]
pub struct StoredSession {
    /// What the cookie says.
    pub id: String,
    /// The record, packed.
    pub data: Vec<u8>,
    /// Who is signed in with it.
    pub user: Option<UserId>,
    /// When it ends if nobody uses it.
    pub expires_at: Instant,
}

/// Inserts a session; false if the id is taken.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn insert(conn: &mut PgConnection, session: &StoredSession) -> Result<bool> {
    let done = sqlx::query!(
        "insert into sessions (id, data, user_id, expires_at) values ($1, $2, $3, $4) on conflict (id) do nothing",
        session.id,
        session.data,
        session.user.map(|user| user.0),
        session.expires_at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes a session that exists; one that was ended meanwhile stays ended.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn update(conn: &mut PgConnection, session: &StoredSession) -> Result<()> {
    sqlx::query!(
        "update sessions set data = $2, user_id = $3, expires_at = $4 where id = $1",
        session.id,
        session.data,
        session.user.map(|user| user.0),
        session.expires_at
    )
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

/// How many sessions of `user` have not expired at `now`.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn count_of(conn: &mut PgConnection, user: UserId, now: Instant) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from sessions where user_id = $1 and expires_at > $2"#,
        user.0,
        now
    );
    Ok(count.fetch_one(conn).await?)
}

/// Ends every session of `user` but the one to `keep`; answers how many.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn delete_of(conn: &mut PgConnection, user: UserId, keep: Option<&str>) -> Result<u64> {
    let done = sqlx::query!("delete from sessions where user_id = $1 and id is distinct from $2", user.0, keep);
    Ok(done.execute(conn).await?.rows_affected())
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
