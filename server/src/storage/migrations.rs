//! Migrations, and the two roles that the server uses.
//!
//! Only `brightmeter migrate`, and the first start on an empty database, change the schema. Everything else checks it.

use std::time::Duration;

use rand::random_range;
use sha2::{Digest, Sha256};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};
use tokio::time::sleep;

use super::outage::is_caused_by_outage;

/// The migrations of this program.
static MIGRATOR: Migrator = sqlx::migrate!("../migrations");
/// Creates the roles and their rights.
const ROLES: &str = include_str!("../../../migrations/roles.sql");

/// How long a migration waits for a lock. Other transactions that need the table queue behind it, so it gives up early
/// and tries again.
const LOCK_TIMEOUT_MS: u32 = 500;
/// The number of attempts before a migration fails for want of a lock.
const ATTEMPTS: u32 = 60;
/// The pause between two attempts, in milliseconds: random, so that two programs do not meet again and again.
const PAUSE_MS: std::ops::Range<u64> = 250..1_000;

/// The schema could not be checked or changed.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A migration failed.
    #[error("a database migration failed")]
    Migrate(#[from] MigrateError),
    /// The database could not be read, or the roles could not be created.
    #[error("the database schema could not be read or its roles set up")]
    Database(#[from] sqlx::Error),
    /// A lock could not be had in time.
    #[error(
        "the schema was not changed: other transactions hold its tables; end them, then run `brightmeter migrate` again"
    )]
    Locked(#[source] Box<MigrationError>),
    /// The database has other tables, but not Brightmeter's.
    #[error(
        "this database has tables of something else and no schema of Brightmeter: check DATABASE_URL, then run `brightmeter migrate`"
    )]
    Foreign,
    /// The schema has migrations that this version of the program replaced.
    #[error(
        "this database was made by an earlier development version (schema {schema}) and cannot be upgraded: export what you \
         need, then start with an empty data directory or database"
    )]
    Outdated {
        /// The newest migration in the database.
        schema: i64,
    },
    /// The schema lacks migrations of this program.
    #[error("this database has schema {schema}, and this program needs {newest}: run `brightmeter migrate`")]
    Older {
        /// The newest migration in the database.
        schema: i64,
        /// The newest migration of this program.
        newest: i64,
    },
    /// The roles lack rights that this program needs.
    #[error("the role {role} is not set up for this version in this database: run `brightmeter migrate`")]
    Roles {
        /// The role for pages and the API.
        role: String,
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

/// Checks that the database has this program's schema and roles. On an empty database, creates them.
///
/// # Errors
/// [`MigrationError`] if it has another schema. Nothing is changed then.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn check(owner: &PgConnectOptions, app_role: &str) -> Result<(), MigrationError> {
    let mut conn = PgConnection::connect_with(owner).await?;
    let checked = match find_schema(&mut conn).await? {
        Schema::Empty => migrate(owner, app_role).await,
        Schema::Foreign => Err(MigrationError::Foreign),
        Schema::Version(schema) if schema < newest_migration() => {
            Err(MigrationError::Older { schema, newest: newest_migration() })
        }
        Schema::Version(_) if !has_roles(&mut conn, app_role).await? => {
            Err(MigrationError::Roles { role: app_role.to_owned() })
        }
        Schema::Version(_) => Ok(()),
    };
    conn.close().await?;
    checked
}

/// Applies missing migrations and sets up the roles. Safe beside servers of the previous schema, in several processes at
/// the same time, and to run again.
///
/// # Errors
/// [`MigrationError`]. What was applied before stays, and the next run goes on from there.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn migrate(owner: &PgConnectOptions, app_role: &str) -> Result<(), MigrationError> {
    migrate_to(&MIGRATOR, owner, app_role).await
}

/// [`migrate`] with other migrations than this program's.
///
/// # Errors
/// [`MigrationError`].
pub async fn migrate_to(migrator: &Migrator, owner: &PgConnectOptions, app_role: &str) -> Result<(), MigrationError> {
    let mut attempt = 1;
    loop {
        match attempt_to(migrator, owner, app_role).await {
            Err(error) if is_caused_by_outage(&error) && attempt < ATTEMPTS => {
                tracing::info!(attempt, "the schema waits for a lock");
                sleep(Duration::from_millis(random_range(PAUSE_MS))).await;
                attempt += 1;
            }
            Err(error) if is_caused_by_outage(&error) => return Err(MigrationError::Locked(Box::new(error))),
            ended => return ended,
        }
    }
}

async fn attempt_to(migrator: &Migrator, owner: &PgConnectOptions, app_role: &str) -> Result<(), MigrationError> {
    let options = owner.clone().options([("lock_timeout", LOCK_TIMEOUT_MS.to_string())]);
    let mut conn = PgConnection::connect_with(&options).await?;
    find_schema(&mut conn).await?;
    migrator.run(&mut conn).await?;
    if !has_roles(&mut conn, app_role).await? {
        set_up_roles(&mut conn, app_role).await?;
    }
    conn.close().await?;
    Ok(())
}

async fn set_up_roles(conn: &mut PgConnection, app_role: &str) -> Result<(), MigrationError> {
    let mut tx = conn.begin().await?;
    // Concurrent grants would fail on each other's catalog rows.
    sqlx::query("select pg_advisory_xact_lock(7204195811)").execute(&mut *tx).await?;
    sqlx::query("select set_config('brightmeter.app_role', $1, true)").bind(app_role).execute(&mut *tx).await?;
    sqlx::raw_sql(AssertSqlSafe(ROLES)).execute(&mut *tx).await?;
    let record = sqlx::query(
        "insert into role_setups (app_role, checksum) values ($1, $2)
         on conflict (app_role) do update set checksum = excluded.checksum",
    );
    record.bind(app_role).bind(roles_checksum()).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// Whether roles.sql has been run for `app_role` in its present form, and the roles exist in this cluster.
async fn has_roles(conn: &mut PgConnection, app_role: &str) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar::<_, bool>(
        "select exists (select from role_setups where app_role = $1 and checksum = $2)
            and (select count(*) = 2 from pg_roles where rolname in ($1, $1 || '_writer'))",
    );
    found.bind(app_role).bind(roles_checksum()).fetch_one(conn).await
}

fn roles_checksum() -> Vec<u8> {
    Sha256::digest(ROLES).to_vec()
}

/// The schema of a database.
enum Schema {
    /// None, and no other tables.
    Empty,
    /// None, but other tables.
    Foreign,
    /// This program's up to this migration.
    Version(i64),
}

/// Finds the schema. Refuses one with migrations that this program doesn't have or has in another form.
async fn find_schema(conn: &mut PgConnection) -> Result<Schema, MigrationError> {
    let exists = sqlx::query_scalar::<_, bool>("select to_regclass('_sqlx_migrations') is not null");
    if !exists.fetch_one(&mut *conn).await? {
        let has_tables = sqlx::query_scalar::<_, bool>(
            "select exists (select from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace)",
        );
        return Ok(if has_tables.fetch_one(conn).await? { Schema::Foreign } else { Schema::Empty });
    }
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select version, checksum from _sqlx_migrations order by version").fetch_all(conn).await?;
    // An interrupted first start leaves the table empty.
    let Some(schema) = applied.last().map(|(version, _)| *version) else { return Ok(Schema::Empty) };
    let newest = newest_migration();
    if schema > newest {
        return Err(MigrationError::Newer { schema, newest });
    }
    let is_known = |(version, checksum): &(i64, Vec<u8>)| {
        MIGRATOR.iter().any(|known| known.version == *version && *known.checksum == **checksum)
    };
    if applied.iter().all(is_known) { Ok(Schema::Version(schema)) } else { Err(MigrationError::Outdated { schema }) }
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
