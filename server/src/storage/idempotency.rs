//! `ai_token_idempotency`: the outcomes of commands by idempotency key.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{
    idempotency_key::IdempotencyKey,
    ledger::outcome::{Fingerprint, Outcome},
    time::Instant,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, corrupt, decode};

const TABLE: &str = "ai_token_idempotency";

/// A stored idempotency record.
#[derive(Clone, Debug)]
pub struct IdempotencyRecord {
    /// The organization.
    pub org: Uuid,
    /// The command's idempotency key.
    pub key: IdempotencyKey,
    /// The command's fingerprint.
    pub fingerprint: Fingerprint,
    /// The command's outcome.
    pub outcome: Outcome,
}

impl IdempotencyRecord {
    /// The outcome as stored.
    pub(super) fn outcome_json(&self) -> Result<String> {
        serde_json::to_string(&self.outcome)
            .map_err(|error| corrupt(TABLE, "outcome", format_args!("{}/{}", self.org, self.key), error))
    }
}

/// Returns the records of `keys`, each an organization and an idempotency key. Missing ones are left out.
///
/// The limit forces one index look-up per key. As a plain join, a plan cached while the table was small would keep
/// reading all records of the organizations.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list(conn: &mut PgConnection, orgs: &[Uuid], keys: &[String]) -> Result<Vec<IdempotencyRecord>> {
    let rows = sqlx::query!(
        "select r.org_id, r.key, r.fingerprint, r.outcome
         from unnest($1::uuid[], $2::text[]) k(org_id, key)
         cross join lateral (
             select * from ai_token_idempotency r where r.org_id = k.org_id and r.key = k.key limit 1
         ) r",
        orgs,
        keys
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let org = row.org_id;
            let key: IdempotencyKey = decode(TABLE, "key", org, row.key)?;
            let at = format_args!("{org}/{key}");
            let fingerprint = Fingerprint(decode(TABLE, "fingerprint", at, row.fingerprint.as_slice())?);
            let outcome = serde_json::from_str(&row.outcome).map_err(|error| corrupt(TABLE, "outcome", at, error))?;
            Ok(IdempotencyRecord { org, key, fingerprint, outcome })
        })
        .collect()
}

/// Deletes at most `limit` records from before `since`, in any organization. Returns their number. Needs a transaction
/// from [`begin_pruning`](super::tenant::begin_pruning).
#[tracing::instrument(level = "trace", skip_all)]
pub async fn prune(conn: &mut PgConnection, since: Instant, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        "delete from ai_token_idempotency where ctid = any (array(
             select ctid from ai_token_idempotency where created_at < $1 limit $2))",
        since,
        limit
    );
    Ok(done.execute(conn).await?.rows_affected())
}
