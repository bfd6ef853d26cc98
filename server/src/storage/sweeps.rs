//! Queries across organizations: due accounts and open holds.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{ids::OrgId, time::Instant};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Result;

/// Returns the accounts that are due at `now`, longest overdue first. Needs a transaction from
/// [`begin_sweep`](super::tenant::begin_sweep).
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_due(conn: &mut PgConnection, now: Instant, limit: i64) -> Result<Vec<OrgId>> {
    let orgs = sqlx::query_scalar!(
        "select org_id from ai_token_accounts where due_at <= $1 order by due_at limit $2",
        now,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(orgs.into_iter().map(OrgId).collect())
}

/// Returns all accounts. Needs a transaction from [`begin_for_all_accounts`](super::tenant::begin_for_all_accounts).
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_all(conn: &mut PgConnection) -> Result<Vec<OrgId>> {
    let orgs = sqlx::query_scalar!("select org_id from ai_token_accounts order by org_id").fetch_all(conn).await?;
    Ok(orgs.into_iter().map(OrgId).collect())
}

/// Returns at most `limit` accounts after `after`, by id. Needs a transaction from
/// [`begin_for_all_accounts`](super::tenant::begin_for_all_accounts).
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_after(conn: &mut PgConnection, after: Option<OrgId>, limit: i64) -> Result<Vec<OrgId>> {
    let orgs = sqlx::query_scalar!(
        "select org_id from ai_token_accounts where org_id > $1 order by org_id limit $2",
        after.map_or(Uuid::nil(), |org| org.0),
        limit
    );
    Ok(orgs.fetch_all(conn).await?.into_iter().map(OrgId).collect())
}

/// Counts the open holds of all organizations. Needs a transaction from
/// [`begin_for_all_accounts`](super::tenant::begin_for_all_accounts).
#[tracing::instrument(level = "trace", skip_all)]
pub async fn count_open_holds(conn: &mut PgConnection) -> Result<i64> {
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from ai_token_holds where state = 'open'"#);
    Ok(count.fetch_one(conn).await?)
}
