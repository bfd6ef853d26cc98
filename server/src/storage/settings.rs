//! What Postgres says of itself.

use brightmeter::time::Instant;
use sqlx::PgConnection;

use super::Result;

/// The server's settings that matter here.
#[derive(Debug)]
pub struct Settings {
    /// As `server_version_num`: 150004 is 15.4.
    pub version: i32,
    /// The settings without which a commit may be lost, and whether each is on.
    pub durable: Vec<(String, bool)>,
    /// Its clock.
    pub now: Instant,
}

/// Reads them.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find(conn: &mut PgConnection) -> Result<Settings> {
    let row =
        sqlx::query!(r#"select current_setting('server_version_num')::int as "version!", clock_timestamp() as "now!""#)
            .fetch_one(&mut *conn)
            .await?;
    let durable = sqlx::query!(
        r#"select name as "name!", setting <> 'off' as "on!" from pg_settings
         where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name"#
    )
    .fetch_all(conn)
    .await?;
    let durable = durable.into_iter().map(|row| (row.name, row.on)).collect();
    Ok(Settings { version: row.version, durable, now: row.now })
}

/// Works as `role` until the transaction ends.
///
/// # Errors
/// [`StorageError`](super::StorageError); there is no such role, or it may not be taken.
pub async fn take_role(conn: &mut PgConnection, role: &str) -> Result<()> {
    sqlx::query!("select set_config('role', $1, true)", role).fetch_one(conn).await?;
    Ok(())
}
