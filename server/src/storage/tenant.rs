//! Transactions that see the organizations they name, and no others.
//!
//! All functions fail if the pool has no connection in time or the database fails.

use brightmeter::{
    billing::stripe_id::StripeId,
    ids::{OrgId, UserId},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, Transaction};

use super::Result;

/// Begins a transaction that sees `org`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn begin(pool: &PgPool, org: OrgId) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.org_id", &org.to_string()).await
}

/// Begins a transaction that sees the organizations in `orgs`, for the writer's batches.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn begin_batch<'a>(conn: &'a mut PgConnection, orgs: &[OrgId]) -> Result<Transaction<'a, Postgres>> {
    let list: Vec<String> = orgs.iter().map(ToString::to_string).collect();
    Ok(conn.begin_with(begin_statement("begin", &[("app.org_id", &list.join(","))])).await?)
}

/// Begins a transaction that sees the memberships of `user` and the names of those organizations.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn begin_for_user(pool: &PgPool, user: UserId) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.user_id", &user.to_string()).await
}

/// Begins a transaction that sees what [`begin_for_user`] does, and `org`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn begin_for_member(pool: &PgPool, user: UserId, org: OrgId) -> Result<Transaction<'static, Postgres>> {
    begin_with_settings(pool, "begin", &[("app.user_id", &user.to_string()), ("app.org_id", &org.to_string())]).await
}

/// Begins a transaction that sees which API key has this hash of its secret.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn begin_for_api_key(pool: &PgPool, hash: &[u8; 32]) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.key_hash", &hex::encode(hash)).await
}

/// Begins a transaction that sees which purchase or customer has this Stripe id, in any organization.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn begin_for_stripe_id(pool: &PgPool, stripe_id: &StripeId) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.stripe_id", stripe_id.as_str()).await
}

/// Begins a transaction that sees the accounts of any organization that are due at `now`. For the writer's role only.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn begin_sweep(pool: &PgPool, now: brightmeter::time::Instant) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.due_at", &now.to_rfc3339()).await
}

/// Begins a transaction that sees the idempotency records of any organization from before `since`. For the writer's
/// role only.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn begin_pruning(pool: &PgPool, since: brightmeter::time::Instant) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.prune_before", &since.to_rfc3339()).await
}

/// Begins a transaction that sees all accounts, the names of all organizations, and all open holds: for counts, the
/// audit and staff's search. For the writer's role only.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn begin_for_all_accounts(pool: &PgPool) -> Result<Transaction<'static, Postgres>> {
    begin_with(pool, "app.due_at", "infinity").await
}

/// Begins a read-only transaction that sees a consistent snapshot of `org`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn begin_snapshot(pool: &PgPool, org: OrgId) -> Result<Transaction<'static, Postgres>> {
    let begin = "begin isolation level repeatable read read only";
    begin_with_settings(pool, begin, &[("app.org_id", &org.to_string())]).await
}

async fn begin_with(pool: &PgPool, setting: &'static str, value: &str) -> Result<Transaction<'static, Postgres>> {
    begin_with_settings(pool, "begin", &[(setting, value)]).await
}

/// Sends BEGIN and the settings in one round trip. The settings are local to the transaction, so the next user of a
/// pooled connection doesn't inherit them.
async fn begin_with_settings(
    pool: &PgPool,
    begin: &'static str,
    settings: &[(&'static str, &str)],
) -> Result<Transaction<'static, Postgres>> {
    Ok(pool.begin_with(begin_statement(begin, settings)).await?)
}

fn begin_statement(begin: &'static str, settings: &[(&'static str, &str)]) -> AssertSqlSafe<String> {
    // SET takes no parameters, so the values are literals: E'' ones, in which a backslash always escapes.
    let literal = |value: &str| value.replace('\'', "''").replace('\\', "\\\\");
    let settings = settings.iter().map(|(name, value)| format!("; set local {name} = E'{}'", literal(value)));
    let settings: String = settings.collect();
    AssertSqlSafe(format!("{begin}{settings}"))
}
