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

/// A transaction that sees the memberships of `user` with the names of those organizations, and nothing else of them.
///
/// # Errors
/// If no connection can be had in time.
pub async fn begin_as(pool: &PgPool, user: UserId) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.user_id", &user.to_string()).await
}

/// A transaction that sees what [`begin_as`] does, and `org`.
///
/// # Errors
/// If no connection can be had in time.
pub async fn begin_visit(pool: &PgPool, user: UserId, org: OrgId) -> Result<Transaction<'static, Postgres>> {
    begin_as_of(pool, "begin", &[("app.user_id", &user.to_string()), ("app.org_id", &org.to_string())]).await
}

/// A transaction that sees the API key whose secret has that hash, and nothing else of its organization.
///
/// # Errors
/// If no connection can be had in time.
pub async fn begin_presented(pool: &PgPool, hash: &[u8; 32]) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.key_hash", &hex::encode(hash)).await
}

/// A transaction that sees the purchase or customer that Stripe knows by this name, whose ever it is, and nothing else of its organization.
///
/// # Errors
/// If no connection can be had in time; or `None` for what is no name of Stripe's.
pub async fn begin_told(pool: &PgPool, stripe_id: &str) -> Result<Option<Transaction<'static, Postgres>>> {
    // It goes into a SET as it is.
    let plain = stripe_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if stripe_id.is_empty() || stripe_id.len() > 255 || !plain {
        return Ok(None);
    }
    begin_with(pool, "app.stripe_id", stripe_id).await.map(Some)
}

/// A transaction that sees, of any organization, the accounts that are due at `now`, and nothing else of them.
///
/// # Errors
/// If no connection can be had in time.
pub async fn begin_sweep(pool: &PgPool, now: brightmeter::time::Instant) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.due_at", &now.to_rfc3339()).await
}

/// A transaction that sees, of any organization, the receipts from before `since`, and nothing else of them.
///
/// # Errors
/// If no connection can be had in time.
pub async fn begin_pruning(pool: &PgPool, since: brightmeter::time::Instant) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.kept_since", &since.to_rfc3339()).await
}

/// A transaction that sees every account, what each organization is called, and every open hold, and nothing else of any
/// organization: to count, for the audit, and for staff who look for one.
///
/// # Errors
/// If no connection can be had in time.
pub async fn begin_census(pool: &PgPool) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.due_at", "infinity").await
}

/// A transaction that sees `org` as it stands at one instant, whatever is written meanwhile; it cannot write.
///
/// # Errors
/// If no connection can be had in time.
pub async fn begin_snapshot(pool: &PgPool, org: OrgId) -> Result<Transaction<'static, Postgres>> {
    let begin = "begin isolation level repeatable read read only";
    begin_as_of(pool, begin, &[("app.org_id", &org.to_string())]).await
}

async fn begin_with(pool: &PgPool, setting: &'static str, value: &str) -> Result<Transaction<'static, Postgres>> {
    begin_as_of(pool, "begin", &[(setting, value)]).await
}

/// One round trip for BEGIN and the settings, which are local to the transaction: a pooled connection carries nothing over.
async fn begin_as_of(
    pool: &PgPool,
    begin: &'static str,
    settings: &[(&'static str, &str)],
) -> Result<Transaction<'static, Postgres>> {
    // Values are UUIDs and instants that this process formatted; SET takes no parameters.
    let settings: String = settings.iter().map(|(name, value)| format!("; set local {name} = '{value}'")).collect();
    Ok(pool.begin_with(AssertSqlSafe(format!("{begin}{settings}"))).await?)
}
