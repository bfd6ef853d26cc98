//! Migrations, and the two roles that the server uses.

use sqlx::{
    AssertSqlSafe, Connection, PgConnection,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};

/// The schema could not be updated.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A migration failed.
    #[error("a database migration failed")]
    Migrate(#[from] MigrateError),
    /// The database could not be read, or the roles could not be created.
    #[error("the database schema could not be read or its roles set up")]
    Database(#[from] sqlx::Error),
    /// The schema has migrations that this version of the program replaced.
    #[error(
        "this database was made by an earlier development version (schema {schema}) and cannot be upgraded: export what you \
         need, then start with an empty data directory or database"
    )]
    Outdated {
        /// The newest migration in the database.
        schema: i64,
    },
    /// The schema has migrations that are newer than this program.
    #[error(
        "this database was made by a newer version (schema {schema}, this program has {newest}): install that version"
    )]
    Newer {
        /// The newest migration in the database.
        schema: i64,
        /// The newest migration of this program.
        newest: i64,
    },
}

/// The migrations of this program.
static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// Applies missing migrations and sets up the roles. Safe to run again, and in several processes at the same time.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn run(owner: &PgConnectOptions, app_role: &str) -> Result<(), MigrationError> {
    let mut conn = PgConnection::connect_with(owner).await?;
    refuse_other_schema(&mut conn).await?;
    MIGRATOR.run(&mut conn).await?;
    let mut tx = conn.begin().await?;
    // Concurrent grants would fail on each other's catalog rows.
    sqlx::query("select pg_advisory_xact_lock(7204195811)").execute(&mut *tx).await?;
    sqlx::query("select set_config('brightmeter.app_role', $1, true)").bind(app_role).execute(&mut *tx).await?;
    sqlx::raw_sql(AssertSqlSafe(include_str!("../../../migrations/roles.sql"))).execute(&mut *tx).await?;
    tx.commit().await?;
    conn.close().await?;
    Ok(())
}

/// Refuses a database with migrations that this program doesn't have or has in another form.
async fn refuse_other_schema(conn: &mut PgConnection) -> Result<(), MigrationError> {
    let is_empty = sqlx::query_scalar::<_, bool>("select to_regclass('_sqlx_migrations') is null");
    if is_empty.fetch_one(&mut *conn).await? {
        return Ok(());
    }
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select version, checksum from _sqlx_migrations order by version").fetch_all(conn).await?;
    let Some(schema) = applied.last().map(|(version, _)| *version) else { return Ok(()) };
    let newest = newest_migration();
    if schema > newest {
        return Err(MigrationError::Newer { schema, newest });
    }
    let is_known = |(version, checksum): &(i64, Vec<u8>)| {
        MIGRATOR.iter().any(|known| known.version == *version && *known.checksum == **checksum)
    };
    if applied.iter().all(is_known) { Ok(()) } else { Err(MigrationError::Outdated { schema }) }
}

fn newest_migration() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Returns whether the database has every migration of this program.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn is_current(conn: &mut PgConnection) -> sqlx::Result<bool> {
    let applied: Option<i64> =
        sqlx::query_scalar("select max(version) from _sqlx_migrations where success").fetch_one(conn).await?;
    Ok(applied >= Some(newest_migration()))
}
