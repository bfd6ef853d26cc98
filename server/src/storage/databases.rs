//! Databases of the private Postgres. Names are this program's own.

use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

/// Whether there is a database of that name.
///
/// # Errors
/// If the server does not answer.
pub async fn exists(maintenance: &PgConnectOptions, name: &str) -> sqlx::Result<bool> {
    let mut conn = PgConnection::connect_with(maintenance).await?;
    let exists = sqlx::query_scalar("select exists (select from pg_database where datname = $1)");
    let exists = exists.bind(name).fetch_one(&mut conn).await?;
    conn.close().await?;
    Ok(exists)
}

/// Makes a database if it is not there; safe when two processes race.
///
/// # Errors
/// If the server does not answer.
pub async fn create(maintenance: &PgConnectOptions, name: &str) -> sqlx::Result<()> {
    if exists(maintenance, name).await? {
        return Ok(());
    }
    match execute(maintenance, format!("create database {}", quoted(name))).await {
        // duplicate_database, and the unique violation of two that were caught in the act: somebody else was quicker.
        Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("42P04" | "23505")) => Ok(()),
        result => result,
    }
}

/// What a database is marked with: its comment.
///
/// # Errors
/// If the server does not answer.
pub async fn mark(maintenance: &PgConnectOptions, name: &str) -> sqlx::Result<Option<String>> {
    let mut conn = PgConnection::connect_with(maintenance).await?;
    let mark = sqlx::query_scalar("select shobj_description(oid, 'pg_database') from pg_database where datname = $1");
    let mark: Option<Option<String>> = mark.bind(name).fetch_optional(&mut conn).await?;
    conn.close().await?;
    Ok(mark.flatten())
}

/// Marks a database.
///
/// # Errors
/// If the server does not answer.
pub async fn set_mark(maintenance: &PgConnectOptions, name: &str, mark: &str) -> sqlx::Result<()> {
    execute(maintenance, format!("comment on database {} is '{}'", quoted(name), mark.replace('\'', "''"))).await
}

/// Drops a database if it is there; whoever is connected to it is cut off.
///
/// # Errors
/// If the server does not answer.
pub async fn drop(maintenance: &PgConnectOptions, name: &str) -> sqlx::Result<()> {
    execute(maintenance, format!("drop database if exists {} with (force)", quoted(name))).await
}

/// Does now what Postgres would do in the background after much was written.
///
/// # Errors
/// If the server does not answer.
pub async fn tidy(owner: &PgConnectOptions) -> sqlx::Result<()> {
    execute(owner, "vacuum (analyze)".into()).await?;
    execute(owner, "checkpoint".into()).await
}

/// Renames a database.
///
/// # Errors
/// If somebody is connected to it, or the new name is taken.
pub async fn rename(maintenance: &PgConnectOptions, from: &str, to: &str) -> sqlx::Result<()> {
    execute(maintenance, format!("alter database {} rename to {}", quoted(from), quoted(to))).await
}

/// Makes a database as a copy of another that nobody is connected to.
///
/// # Errors
/// If somebody is, or the name is taken.
pub async fn copy(maintenance: &PgConnectOptions, from: &str, to: &str) -> sqlx::Result<()> {
    execute(maintenance, format!("create database {} template {}", quoted(to), quoted(from))).await
}

async fn execute(maintenance: &PgConnectOptions, statement: String) -> sqlx::Result<()> {
    let mut conn = PgConnection::connect_with(maintenance).await?;
    // Utility statements take no parameters; the names in it are quoted.
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut conn).await?;
    conn.close().await
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
