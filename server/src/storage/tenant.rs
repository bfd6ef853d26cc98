//! Transactions that see the organizations they name, and no others.

use brightmeter::ids::{OrgId, UserId};
use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};

use super::Result;

/// A transaction that sees `org`.
///
/// # Errors
/// If no connection can be had in time.
pub async fn begin(pool: &PgPool, org: OrgId) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.org_id", &org.to_string()).await
}

/// A transaction that sees every organization in `orgs`: for the writer's batches.
///
/// # Errors
/// If no connection can be had in time.
pub async fn begin_batch(pool: &PgPool, orgs: &[OrgId]) -> Result<Transaction<'static, Postgres>> {
    let list: Vec<String> = orgs.iter().map(ToString::to_string).collect();
    begin_with(pool, "app.org_id", &list.join(",")).await
}

/// A transaction that sees the memberships of `user`, and no organization.
///
/// # Errors
/// If no connection can be had in time.
pub async fn begin_as(pool: &PgPool, user: UserId) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.user_id", &user.to_string()).await
}

/// One round trip for BEGIN and the setting, which is local to the transaction: a pooled connection carries nothing over.
async fn begin_with(pool: &PgPool, setting: &'static str, value: &str) -> Result<Transaction<'static, Postgres>> {
    // Values are UUIDs and instants that this process formatted; SET takes no parameters.
    Ok(pool.begin_with(AssertSqlSafe(format!("begin; set local {setting} = '{value}'"))).await?)
}

/// A transaction that sees, of any organization, the accounts that are due at `now`, and nothing else of them.
///
/// # Errors
/// If no connection can be had in time.
pub async fn begin_sweep(pool: &PgPool, now: brightmeter::time::Instant) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.due_at", &now.to_rfc3339()).await
}
