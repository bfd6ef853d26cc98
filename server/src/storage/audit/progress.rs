//! `ai_token_audit_progress`: how far an organization's log is verified.
//!
//! All functions return [`StorageError`](crate::storage::StorageError) if the database fails.

use std::collections::{BTreeMap, BTreeSet};

use brightmeter::{
    ids::OrgId,
    ledger::{account::Head, balance::Balance, entry::EntryHash},
    names::TokenType,
    time::Instant,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::storage::{Result, corrupt, decode};

const TABLE: &str = "ai_token_audit_progress";

/// What is known after the last verified entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last verified entry.
    pub head: Head,
    /// The balances as of that entry.
    pub balances: BTreeMap<TokenType, Balance>,
    /// The number of holds that the entries open.
    pub holds_opened: i64,
    /// The holds that the entries open and don't end.
    pub open_holds: BTreeSet<Uuid>,
    /// The sketch of the daily figures.
    pub daily_sketch: [u8; 48],
    /// When the audit began that read the first entry.
    pub started_at: Instant,
}

/// Returns the progress of `org`, or `None` if no entry is verified.
///
/// # Errors
/// [`Corrupt`](crate::storage::StorageError::Corrupt) also if the row was not written by an audit.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find(conn: &mut PgConnection, org: OrgId) -> Result<Option<Progress>> {
    let row = sqlx::query!(
        r#"select seq, hash, balances as "balances: Json<serde_json::Value>", holds_opened, open_holds, daily_sketch,
             started_at
         from ai_token_audit_progress where org_id = $1"#,
        org.0
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let balances = serde_json::from_value(row.balances.0).map_err(|error| corrupt(TABLE, "balances", org, error))?;
    Ok(Some(Progress {
        head: Head { seq: row.seq, hash: EntryHash(decode(TABLE, "hash", org, row.hash.as_slice())?) },
        balances,
        holds_opened: row.holds_opened,
        open_holds: row.open_holds.into_iter().collect(),
        daily_sketch: decode(TABLE, "daily_sketch", org, row.daily_sketch.as_slice())?,
        started_at: row.started_at,
    }))
}

/// Inserts or replaces the progress of `org`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn upsert(conn: &mut PgConnection, org: OrgId, progress: &Progress, now: Instant) -> Result<()> {
    let open_holds: Vec<Uuid> = progress.open_holds.iter().copied().collect();
    sqlx::query!(
        "insert into ai_token_audit_progress (org_id, seq, hash, balances, holds_opened, open_holds, daily_sketch,
             started_at, verified_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (org_id) do update
         set seq = excluded.seq, hash = excluded.hash, balances = excluded.balances,
             holds_opened = excluded.holds_opened, open_holds = excluded.open_holds,
             daily_sketch = excluded.daily_sketch, started_at = excluded.started_at, verified_at = excluded.verified_at",
        org.0,
        progress.head.seq,
        &progress.head.hash.0,
        Json(&progress.balances) as _,
        progress.holds_opened,
        &open_holds,
        &progress.daily_sketch,
        progress.started_at,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
