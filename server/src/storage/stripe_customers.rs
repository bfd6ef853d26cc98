//! `stripe_customers`: the Stripe customer of each organization, and the ones it had before.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{ids::OrgId, time::Instant};
use sqlx::PgConnection;

use super::{Result, StorageError};

/// Returns the current Stripe customer of `org`, or `None` if it has none.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find(conn: &mut PgConnection, org: OrgId) -> Result<Option<String>> {
    let current =
        sqlx::query_scalar!("select id from stripe_customers where org_id = $1 and replaced_at is null", org.0);
    Ok(current.fetch_optional(conn).await?)
}

/// Returns the organization of a current or earlier Stripe customer. Needs a transaction from
/// [`begin_for_stripe_id`](super::tenant::begin_for_stripe_id).
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_by_stripe_id(conn: &mut PgConnection, id: &str) -> Result<Option<OrgId>> {
    let found =
        sqlx::query_scalar!("select org_id from stripe_customers where id = $1", id).fetch_optional(conn).await?;
    Ok(found.map(OrgId))
}

/// Returns the number of the next subscription snapshot, larger than all earlier ones.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn next_snapshot_number(conn: &mut PgConnection) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"select nextval('stripe_snapshot_numbers') as "number!""#).fetch_one(conn).await?)
}

/// Stores the Stripe customer of `org`. Returns the stored customer, which is the earlier one if there is one already.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn insert(conn: &mut PgConnection, org: OrgId, id: &str, now: Instant) -> Result<String> {
    // Concurrent inserts can conflict in either unique index.
    sqlx::query!(
        "insert into stripe_customers (org_id, id, created_at) values ($1, $2, $3) on conflict do nothing",
        org.0,
        id,
        now
    )
    .execute(&mut *conn)
    .await?;
    find(conn, org).await?.ok_or_else(|| StorageError::missing("stripe_customers", org))
}

/// Marks a customer as replaced, because Stripe no longer has it. Does nothing if it is not the current one.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn retire(conn: &mut PgConnection, org: OrgId, id: &str, now: Instant) -> Result<()> {
    sqlx::query!(
        "update stripe_customers set replaced_at = $3 where org_id = $1 and id = $2 and replaced_at is null",
        org.0,
        id,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
