//! The log, page by page, and look-ups of what its entries name. Each function reads by an index, a bounded number of
//! rows, so that its time doesn't depend on the planner's statistics.
//!
//! All functions return [`StorageError`](crate::storage::StorageError) if the database fails.

use brightmeter::{
    ids::OrgId,
    ledger::{
        entry::{Entry, EntryHash},
        grant::GrantPart,
    },
    time_zone::TimeZone,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::storage::{Result, entries::Row};

/// An entry as stored. It may hold values that no version of Brightmeter writes.
#[derive(Debug)]
pub struct StoredEntry {
    /// The signed change of the settled balance. The hash doesn't cover it.
    pub amount: i64,
    pub(in crate::storage) row: Row,
}

impl StoredEntry {
    /// The sequence number.
    pub fn seq(&self) -> i64 {
        self.row.seq
    }

    /// The kind's name.
    pub fn kind(&self) -> &str {
        &self.row.kind
    }

    /// The token type's name.
    pub fn token_type(&self) -> &str {
        &self.row.token_type
    }

    /// The signed change of the held balance.
    pub fn held_amount(&self) -> i64 {
        self.row.held_after.saturating_sub(self.row.held_before)
    }

    /// The hold that it opened or ended.
    pub fn hold(&self) -> Option<Uuid> {
        self.row.hold_id
    }

    /// The transaction that it reverses.
    pub fn reverses(&self) -> Option<Uuid> {
        self.row.reverses
    }

    /// The daily figure that it counts towards, for an organization in `time_zone`.
    pub fn daily_line(&self, time_zone: TimeZone) -> DailyLine<'_> {
        DailyLine {
            day: time_zone.day(self.row.created_at),
            token_type: &self.row.token_type,
            feature: self.row.feature.as_deref().unwrap_or_default(),
            member: self.row.member_id.unwrap_or_default(),
        }
    }

    /// Decodes the entry and its hash.
    ///
    /// # Errors
    /// [`Corrupt`](crate::storage::StorageError::Corrupt) if no version of Brightmeter writes such a row.
    pub fn decode(self, org: OrgId) -> Result<(Entry, EntryHash)> {
        self.row.decode(org)
    }
}

/// The key of a daily figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyLine<'a> {
    /// The day, in the organization's time zone.
    pub day: chrono::NaiveDate,
    /// The token type's name.
    pub token_type: &'a str,
    /// The feature's name, or an empty text.
    pub feature: &'a str,
    /// The member, or nil.
    pub member: Uuid,
}

/// Returns at most `limit` entries after `seq`, oldest first.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_after(conn: &mut PgConnection, org: OrgId, seq: i64, limit: i64) -> Result<Vec<StoredEntry>> {
    let rows = sqlx::query!(
        r#"select seq, transaction_id, kind, token_type, amount, settled_before, settled_after, held_before, held_after,
             debt_before, debt_after, parts as "parts: Json<Vec<GrantPart>>", source, feature, caller_kind, caller_id,
             member_id, hold_id, reverses, purchase_id, note, metadata, created_at, hash
         from ai_token_usage_log where org_id = $1 and seq > $2 order by seq limit $3"#,
        org.0,
        seq,
        limit
    );
    let stored = rows.map(|row| StoredEntry {
        amount: row.amount,
        row: Row {
            seq: row.seq,
            transaction_id: row.transaction_id,
            kind: row.kind,
            token_type: row.token_type,
            settled_before: row.settled_before,
            settled_after: row.settled_after,
            held_before: row.held_before,
            held_after: row.held_after,
            debt_before: row.debt_before,
            debt_after: row.debt_after,
            parts: row.parts,
            source: row.source,
            feature: row.feature,
            caller_kind: row.caller_kind,
            caller_id: row.caller_id,
            member_id: row.member_id,
            hold_id: row.hold_id,
            reverses: row.reverses,
            purchase_id: row.purchase_id,
            note: row.note,
            metadata: row.metadata,
            created_at: row.created_at,
            hash: row.hash,
        },
    });
    Ok(stored.fetch_all(conn).await?)
}

/// Returns the stored hash of the entry `seq`, or `None` if it is missing.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_hash(conn: &mut PgConnection, org: OrgId, seq: i64) -> Result<Option<Vec<u8>>> {
    let hash = sqlx::query_scalar!("select hash from ai_token_usage_log where org_id = $1 and seq = $2", org.0, seq);
    Ok(hash.fetch_optional(conn).await?)
}

/// A row of `ai_token_holds`.
#[derive(Clone, Debug)]
pub struct HoldRow {
    /// The hold.
    pub id: Uuid,
    /// `open`, `captured`, `released` or `expired`.
    pub state: String,
    /// The tokens reserved.
    pub amount: i64,
    /// The tokens charged.
    pub captured: Option<i64>,
}

/// Returns the holds with these ids. Missing ones are left out.
///
/// The limit forces one look-up by index for each id, here and below.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_holds(conn: &mut PgConnection, org: OrgId, ids: &[Uuid]) -> Result<Vec<HoldRow>> {
    let rows = sqlx::query_as!(
        HoldRow,
        "select h.id, h.state, h.amount, h.captured from unnest($2::uuid[]) n(id)
         cross join lateral (select * from ai_token_holds h where h.org_id = $1 and h.id = n.id limit 1) h",
        org.0,
        ids
    );
    Ok(rows.fetch_all(conn).await?)
}

/// Returns the open holds.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_open_holds(conn: &mut PgConnection, org: OrgId) -> Result<Vec<HoldRow>> {
    let rows = sqlx::query_as!(
        HoldRow,
        "select id, state, amount, captured from ai_token_holds where org_id = $1 and state = 'open'",
        org.0
    );
    Ok(rows.fetch_all(conn).await?)
}

/// Counts the holds.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn count_holds(conn: &mut PgConnection, org: OrgId) -> Result<i64> {
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from ai_token_holds where org_id = $1"#, org.0);
    Ok(count.fetch_one(conn).await?)
}

/// I4: which of these transactions was not refunded exactly once and in whole.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn wrong_refunds(conn: &mut PgConnection, org: OrgId, reversed: &[Uuid]) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"select format('spend %s of %s was refunded %s times, %s in all', n.id, -s.amount, r.count, r.amount) as "line!"
         from unnest($2::uuid[]) n(id)
         cross join lateral (
             select sum(amount) as amount from (
                 select amount from ai_token_usage_log
                 where org_id = $1 and transaction_id = n.id and kind in ('spent', 'captured') limit 100) s
         ) s
         cross join lateral (
             select count(*) as count, sum(amount) as amount from (
                 select amount from ai_token_usage_log where org_id = $1 and reverses = n.id limit 100) r
         ) r
         where r.count <> 1 or r.amount is distinct from -s.amount"#,
        org.0,
        reversed
    )
    .fetch_all(conn)
    .await?)
}

/// Returns which of these transactions have no entry.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_missing(conn: &mut PgConnection, org: OrgId, transactions: &[Uuid]) -> Result<Vec<Uuid>> {
    let rows = sqlx::query_scalar!(
        r#"select n.id as "id!" from unnest($2::uuid[]) n(id)
         left join lateral (
             select true as found from ai_token_usage_log l where l.org_id = $1 and l.transaction_id = n.id limit 1
         ) l on true
         where l.found is null"#,
        org.0,
        transactions
    );
    Ok(rows.fetch_all(conn).await?)
}
