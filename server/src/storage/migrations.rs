//! Migrations, and the two roles that the server works as.

use sqlx::{AssertSqlSafe, Connection, PgConnection, migrate::MigrateError, postgres::PgConnectOptions};

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A migration failed, or the database is newer than this program.
    #[error("a migration did not apply")]
    Migrate(#[from] MigrateError),
    /// The roles could not be made or granted.
    #[error("the roles of the server could not be set up")]
    Roles(#[from] sqlx::Error),
}

/// Brings the schema up to date and sets the roles up. Safe to run again, and from several processes at once.
///
/// # Errors
/// [`MigrationError`].
pub async fn run(owner: &PgConnectOptions, app_role: &str) -> Result<(), MigrationError> {
    let mut conn = PgConnection::connect_with(owner).await?;
    sqlx::migrate!("../migrations").run(&mut conn).await?;
    let mut tx = conn.begin().await?;
    // Two processes that grant at once would fail on each other's catalog rows.
    sqlx::query("select pg_advisory_xact_lock(7204195811)").execute(&mut *tx).await?;
    sqlx::query("select set_config('brightmeter.app_role', $1, true)").bind(app_role).execute(&mut *tx).await?;
    sqlx::raw_sql(AssertSqlSafe(include_str!("../../../migrations/roles.sql"))).execute(&mut *tx).await?;
    tx.commit().await?;
    conn.close().await?;
    Ok(())
}

/// Whether the database has every migration of this program.
///
/// # Errors
/// If the database does not answer.
pub async fn is_current(conn: &mut PgConnection) -> sqlx::Result<bool> {
    let newest = sqlx::migrate!("../migrations").iter().map(|migration| migration.version).max();
    let applied: Option<i64> =
        sqlx::query_scalar("select max(version) from _sqlx_migrations where success").fetch_one(conn).await?;
    Ok(applied >= newest)
}
