//! Settings of the Postgres server.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::time::Instant;
use sqlx::PgConnection;

use super::Result;

/// The settings of the Postgres server that the doctor checks.
#[derive(Debug)]
pub struct Settings {
    /// The `server_version_num`: 150004 is 15.4.
    pub version: i32,
    /// The settings without which a commit can be lost, and whether each is on.
    pub durable: Vec<(String, bool)>,
    /// The server's clock.
    pub now: Instant,
}

/// Reads the settings.
#[tracing::instrument(level = "trace", skip_all)]
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

/// Switches to `role` until the transaction ends.
///
/// # Errors
/// Fails if the role doesn't exist or may not be used.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn take_role(conn: &mut PgConnection, role: &str) -> Result<()> {
    sqlx::query!("select set_config('role', $1, true)", role).fetch_one(conn).await?;
    Ok(())
}
