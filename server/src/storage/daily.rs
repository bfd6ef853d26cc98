//! `ai_token_daily`: daily use, updated in the transaction that appends the entries.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use std::collections::BTreeMap;

use brightmeter::{
    access::api_key::ApiKey,
    ids::{ApiKeyId, OrgId},
    ledger::entry::{Entry, EntryKind},
};
use chrono::NaiveDate;
use serde::Deserialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Result, api_keys, expect_rows};

/// The key of a figure: organization, its day, token type, feature, member (nil if no member is involved).
type Line = (Uuid, NaiveDate, String, String, Uuid);

/// Adds the use in `entries` to the day that is given with each. A refund of a spend subtracts one use and its tokens.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn add<'e>(
    conn: &mut PgConnection,
    entries: impl Iterator<Item = (Uuid, NaiveDate, &'e Entry)>,
) -> Result<()> {
    let mut lines: BTreeMap<Line, (i64, i64)> = BTreeMap::new();
    for (org, day, entry) in entries.filter(|(_, _, entry)| entry.kind.is_use()) {
        let member = entry.member.map_or(Uuid::nil(), |member| member.0);
        let feature = entry.feature.as_ref().map(ToString::to_string).unwrap_or_default();
        let line = (org, day, entry.token_type.to_string(), feature, member);
        let (uses, tokens) = lines.entry(line).or_default();
        *uses += if entry.kind == EntryKind::Refunded { -1 } else { 1 };
        *tokens -= entry.amount();
    }
    if lines.is_empty() {
        return Ok(());
    }
    let column = |value: fn(&Line) -> String| lines.keys().map(value).collect::<Vec<String>>();
    let uuid = |value: fn(&Line) -> Uuid| lines.keys().map(value).collect::<Vec<Uuid>>();
    let days: Vec<NaiveDate> = lines.keys().map(|line| line.1).collect();
    let (uses, tokens): (Vec<i64>, Vec<i64>) = lines.values().copied().unzip();
    let done = sqlx::query!(
        "insert into ai_token_daily (org_id, day, token_type, feature, member_id, uses, tokens)
         select * from unnest($1::uuid[], $2::date[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::bigint[])
         on conflict (org_id, day, token_type, feature, member_id)
         do update set uses = ai_token_daily.uses + excluded.uses, tokens = ai_token_daily.tokens + excluded.tokens",
        &uuid(|line| line.0),
        &days,
        &column(|line| line.2.clone()),
        &column(|line| line.3.clone()),
        &uuid(|line| line.4),
        &uses,
        &tokens
    )
    .execute(conn)
    .await?;
    expect_rows(done, lines.len(), "ai_token_daily", "one of a batch")
}

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
