//! `ai_token_daily`: daily use, updated in the transaction that appends the entries.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{
    access::api_key::ApiKey,
    ids::{ApiKeyId, OrgId},
};
use chrono::NaiveDate;
use serde::Deserialize;
use sqlx::{PgConnection, types::Json};

use super::{Result, api_keys};

/// The use of one token type on one day.
#[derive(Clone, Debug)]
pub struct DayUse {
    /// The day, in the organization's time zone.
    pub day: NaiveDate,
    /// The token type's name.
    pub token_type: String,
    /// Tokens used, less refunds; negative if more was refunded than used.
    pub tokens: i64,
}

/// Returns the use of `org` by day and token type from `from` on, oldest first. Days without use are left out.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list(conn: &mut PgConnection, org: OrgId, from: NaiveDate) -> Result<Vec<DayUse>> {
    let rows = sqlx::query_as!(
        DayUse,
        r#"select day, token_type, sum(tokens)::bigint as "tokens!" from ai_token_daily
         where org_id = $1 and day >= $2 group by day, token_type order by day"#,
        org.0,
        from
    );
    Ok(rows.fetch_all(conn).await?)
}

/// The grouping of [`sum`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The day, in the organization's time zone.
    Day,
    /// The feature.
    Feature,
    /// The member.
    Member,
}

impl Group {
    /// The name in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Feature => "feature",
            Self::Member => "member",
        }
    }
}

/// The use of one token type in one group.
#[derive(Clone, Debug, Deserialize)]
pub struct Sum {
    /// The day, the feature's name or the member's id. `None` if no member is involved.
    pub key: Option<String>,
    /// The token type's name.
    pub token_type: String,
    /// Uses, less refunds.
    pub uses: i64,
    /// Tokens used, less refunds.
    pub tokens: i64,
}

/// Returns the use of `org` from day `from` to day `to`, both included, by `group` and token type, and its API key
/// `key` if that is given and exists. The SQL function sets the visible organization itself, so this needs no
/// transaction.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn sum(
    conn: &mut PgConnection,
    org: OrgId,
    key: Option<ApiKeyId>,
    from: NaiveDate,
    to: NaiveDate,
    group: Group,
) -> Result<(Option<ApiKey>, Vec<Sum>)> {
    let row = sqlx::query!(
        r#"select api_key as "key: Json<api_keys::Row>", sums as "sums: Json<Vec<Sum>>" from read_usage($1, $2, $3, $4, $5)"#,
        org.0,
        key.map(|key| key.0),
        from,
        to,
        group.as_str()
    )
    .fetch_one(conn)
    .await?;
    let key = row.key.map(|key| key.0.decode()).transpose()?.map(|(_, key)| key);
    Ok((key, row.sums.map(|sums| sums.0).unwrap_or_default()))
}
