//! What the log is compared with: balances, daily figures, and outcomes.
//!
//! All functions return [`StorageError`](crate::storage::StorageError) if the database fails.

use brightmeter::ids::OrgId;
use chrono::NaiveDate;
use futures::{StreamExt, stream::BoxStream};
use sqlx::PgConnection;
use uuid::Uuid;

use super::log::DailyLine;
use crate::storage::{Result, StorageError};

/// The stored tokens of one token type.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// The token type's name.
    pub token_type: String,
    /// The balance.
    pub settled: i64,
    /// The held part of the balance.
    pub held: i64,
    /// The sum of what the grants have left.
    pub remaining: i64,
    /// The sum of what the grants reserve.
    pub reserved: i64,
    /// The sum of the open holds.
    pub open: i64,
}

/// Adds balances, grants and open holds up, by token type.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn totals(conn: &mut PgConnection, org: OrgId) -> Result<Vec<Totals>> {
    let rows = sqlx::query_as!(
        Totals,
        r#"select token_type as "token_type!", sum(settled)::bigint as "settled!", sum(held)::bigint as "held!",
             sum(remaining)::bigint as "remaining!", sum(reserved)::bigint as "reserved!", sum(open)::bigint as "open!"
         from (
             select token_type, settled, held, 0 as remaining, 0 as reserved, 0 as open
             from ai_tokens where org_id = $1
             union all
             select token_type, 0, 0, remaining, held, 0 from ai_token_grants where org_id = $1
             union all
             select token_type, 0, 0, 0, 0, amount from ai_token_holds where org_id = $1 and state = 'open'
         ) parts group by token_type"#,
        org.0
    );
    Ok(rows.fetch_all(conn).await?)
}

/// A stored daily figure.
#[derive(Clone, Debug)]
pub struct DailyRow {
    day: NaiveDate,
    token_type: String,
    feature: String,
    member_id: Uuid,
    /// Uses, less refunds.
    pub uses: i64,
    /// Tokens, less refunds.
    pub tokens: i64,
}

impl DailyRow {
    /// The figure's key.
    pub fn line(&self) -> DailyLine<'_> {
        DailyLine { day: self.day, token_type: &self.token_type, feature: &self.feature, member: self.member_id }
    }
}

/// Streams the daily figures, in no order.
pub fn stream_daily(conn: &mut PgConnection, org: OrgId) -> BoxStream<'_, Result<DailyRow>> {
    let rows = sqlx::query_as!(
        DailyRow,
        "select day, token_type, feature, member_id, uses, tokens from ai_token_daily where org_id = $1",
        org.0
    );
    rows.fetch(conn).map(|row| row.map_err(StorageError::from)).boxed()
}

/// Returns at most `limit` idempotency records after `key`, by key: each key and its outcome as JSON.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_outcomes(
    conn: &mut PgConnection,
    org: OrgId,
    key: &str,
    limit: i64,
) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        "select key, outcome from ai_token_idempotency where org_id = $1 and key > $2 order by key limit $3",
        org.0,
        key,
        limit
    );
    Ok(rows.map(|row| (row.key, row.outcome)).fetch_all(conn).await?)
}
