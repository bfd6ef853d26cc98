//! Checks of a database, for `brightmeter doctor`. They run as the owner, beside a server or without one.

use sqlx::{Connection, PgConnection};

use crate::storage::{Result, audit, settings};
pub use crate::storage::{
    databases::exists as database_exists, migrations::is_current as is_schema_current,
    settings::find as server_settings,
};

/// Returns what exempts `role` from row-level security.
pub async fn isolation(conn: &mut PgConnection, role: &str) -> Result<Vec<String>> {
    let mut found = audit::unprotected_tables(conn).await?;
    let mut tx = conn.begin().await?;
    settings::take_role(&mut tx, role).await?;
    found.extend(audit::overpowered_role(&mut tx).await?);
    tx.rollback().await?;
    Ok(found)
}
