//! Readiness: whether the database responds and has this program's schema.

use sqlx::PgPool;

use crate::storage::migrations;

/// Returns whether the database has the schema that this program was built for.
///
/// # Errors
/// The database's error if it does not respond.
pub async fn is_ready(pool: &PgPool) -> sqlx::Result<bool> {
    migrations::is_current(&mut *pool.acquire().await?).await
}
