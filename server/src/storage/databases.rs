//! Databases of the private Postgres. Their names come from this program.
//!
//! All functions fail if the server doesn't answer.

use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

/// Returns whether the database exists.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn exists(maintenance: &PgConnectOptions, name: &str) -> sqlx::Result<bool> {
    let mut conn = PgConnection::connect_with(maintenance).await?;
    let exists = sqlx::query_scalar("select exists (select from pg_database where datname = $1)");
    let exists = exists.bind(name).fetch_one(&mut conn).await?;
    conn.close().await?;
    Ok(exists)
}

/// Creates a database if it doesn't exist. Safe when two processes race.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn create(maintenance: &PgConnectOptions, name: &str) -> sqlx::Result<()> {
    if exists(maintenance, name).await? {
        return Ok(());
    }
    match execute(maintenance, format!("create database {}", quoted(name))).await {
        // duplicate_database, or the unique violation of a race: another process created it first.
        Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("42P04" | "23505")) => Ok(()),
        result => result,
    }
}

/// Returns the mark of a database: its comment.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn mark(maintenance: &PgConnectOptions, name: &str) -> sqlx::Result<Option<String>> {
    let mut conn = PgConnection::connect_with(maintenance).await?;
    let mark = sqlx::query_scalar("select shobj_description(oid, 'pg_database') from pg_database where datname = $1");
    let mark: Option<Option<String>> = mark.bind(name).fetch_optional(&mut conn).await?;
    conn.close().await?;
    Ok(mark.flatten())
}

/// Marks a database.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn set_mark(maintenance: &PgConnectOptions, name: &str, mark: &str) -> sqlx::Result<()> {
    execute(maintenance, format!("comment on database {} is '{}'", quoted(name), mark.replace('\'', "''"))).await
}

/// Drops a database if it exists, and closes the connections to it.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn drop(maintenance: &PgConnectOptions, name: &str) -> sqlx::Result<()> {
    execute(maintenance, format!("drop database if exists {} with (force)", quoted(name))).await
}

/// Runs the vacuum, analyze and checkpoint that Postgres would run in the background after many writes.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn tidy(owner: &PgConnectOptions) -> sqlx::Result<()> {
    execute(owner, "vacuum (analyze)".into()).await?;
    execute(owner, "checkpoint".into()).await
}

/// Renames a database.
///
/// # Errors
/// Fails if a client is connected to it, or if the new name is taken.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn rename(maintenance: &PgConnectOptions, from: &str, to: &str) -> sqlx::Result<()> {
    execute(maintenance, format!("alter database {} rename to {}", quoted(from), quoted(to))).await
}

/// Creates a database as a copy of another one.
///
/// # Errors
/// Fails if a client is connected to the original, or if the name is taken.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn copy(maintenance: &PgConnectOptions, from: &str, to: &str) -> sqlx::Result<()> {
    execute(maintenance, format!("create database {} template {}", quoted(to), quoted(from))).await
}

async fn execute(maintenance: &PgConnectOptions, statement: String) -> sqlx::Result<()> {
    let mut conn = PgConnection::connect_with(maintenance).await?;
    // Utility statements take no parameters, so the statement contains the names, quoted.
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut conn).await?;
    conn.close().await
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
