//! `stripe_customers`: whom Stripe knows an organization as.

use brightmeter::{ids::OrgId, time::Instant};
use sqlx::PgConnection;

use super::Result;

/// Stripe's name for `org`.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find(conn: &mut PgConnection, org: OrgId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("select id from stripe_customers where org_id = $1", org.0).fetch_optional(conn).await?)
}

/// Whom Stripe knows by this name. The transaction has to be of [`begin_told`](super::tenant::begin_told).
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find_told(conn: &mut PgConnection, id: &str) -> Result<Option<OrgId>> {
    let found =
        sqlx::query_scalar!("select org_id from stripe_customers where id = $1", id).fetch_optional(conn).await?;
    Ok(found.map(OrgId))
}

/// The number of the next reading of a customer's subscriptions: larger than any that was drawn before.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn next_snapshot_number(conn: &mut PgConnection) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"select nextval('stripe_readings') as "number!""#).fetch_one(conn).await?)
}

/// Notes Stripe's name for `org`; answers with the one that was noted first.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn insert(conn: &mut PgConnection, org: OrgId, id: &str, now: Instant) -> Result<String> {
    // Two at once may meet in either of the table's indexes.
    sqlx::query!(
        "insert into stripe_customers (org_id, id, created_at) values ($1, $2, $3) on conflict do nothing",
        org.0,
        id,
        now
    )
    .execute(&mut *conn)
    .await?;
    Ok(sqlx::query_scalar!("select id from stripe_customers where org_id = $1", org.0).fetch_one(conn).await?)
}
