//! `sessions`: browser sessions, for tower-sessions. The table has no id that a cookie could name, only its SHA-256.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{ids::UserId, time::Instant};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::Result;

/// A stored session.
#[derive(Debug)]
pub struct StoredSession {
    /// The session id in the cookie.
    pub id: String,
    /// The session record in MessagePack.
    pub data: Vec<u8>,
    /// The signed-in user.
    pub user: Option<UserId>,
    /// When it expires if it isn't used.
    pub expires_at: Instant,
}

/// Returns the hash that a new session is stored under, and the id itself, under which an earlier version stored it.
/// Sessions end after 30 days, so the next version can leave the id out. No id equals a hash, which is longer.
fn stored_ids(id: &str) -> [String; 2] {
    [hex::encode(Sha256::digest(id)), id.into()]
}

/// Inserts a session. Returns false if the id is taken.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn insert(conn: &mut PgConnection, session: &StoredSession) -> Result<bool> {
    let [id, _] = stored_ids(&session.id);
    let done = sqlx::query!(
        "insert into sessions (id, data, user_id, expires_at) values ($1, $2, $3, $4) on conflict (id) do nothing",
        id,
        session.data,
        session.user.map(|user| user.0),
        session.expires_at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Updates a session. Returns false if it has been deleted: a session that was ended stays ended.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn update(conn: &mut PgConnection, session: &StoredSession) -> Result<bool> {
    let done = sqlx::query!(
        "update sessions set data = $2, user_id = $3, expires_at = $4 where id = any ($1)",
        &stored_ids(&session.id),
        session.data,
        session.user.map(|user| user.0),
        session.expires_at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns the record and the expiry of a session, or `None` if it has expired at `now` or doesn't exist.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find(conn: &mut PgConnection, id: &str, now: Instant) -> Result<Option<(Vec<u8>, Instant)>> {
    let row = sqlx::query!(
        "select data, expires_at from sessions where id = any ($1) and expires_at > $2",
        &stored_ids(id),
        now
    );
    let row = row.fetch_optional(conn).await?;
    Ok(row.map(|row| (row.data, row.expires_at)))
}

/// Deletes a session. Returns whether it existed.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn delete(conn: &mut PgConnection, id: &str) -> Result<bool> {
    let done = sqlx::query!("delete from sessions where id = any ($1)", &stored_ids(id)).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Counts the sessions of `user` that haven't expired at `now`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn count_of(conn: &mut PgConnection, user: UserId, now: Instant) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from sessions where user_id = $1 and expires_at > $2"#,
        user.0,
        now
    );
    Ok(count.fetch_one(conn).await?)
}

/// Deletes all sessions of `user` except `keep`. Returns their number.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn delete_of(conn: &mut PgConnection, user: UserId, keep: Option<&str>) -> Result<u64> {
    let keep = keep.map(stored_ids).unwrap_or_default();
    let done = sqlx::query!("delete from sessions where user_id = $1 and id <> all ($2)", user.0, &keep);
    Ok(done.execute(conn).await?.rows_affected())
}

/// Deletes at most `limit` sessions that have expired at `now`. Returns their number.
#[tracing::instrument(level = "trace", skip_all)]
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
