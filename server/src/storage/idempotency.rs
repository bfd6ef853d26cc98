//! `ai_token_receipts`: what commands were answered.

use brightmeter::{
    idempotency_key::IdempotencyKey,
    ledger::outcome::{Fingerprint, Outcome},
    time::Instant,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, corrupt, decode};

/// A receipt as it is kept.
#[derive(Clone, Debug)]
pub struct IdempotencyRecord {
    /// The organization.
    pub org: Uuid,
    /// The command's key.
    pub key: IdempotencyKey,
    /// The command's fingerprint.
    pub fingerprint: Fingerprint,
    /// The answer.
    pub outcome: Outcome,
}

/// The receipts of `keys`, each an organization and a key.
///
/// The limit makes it one look-up a key: as a plain join, a plan made while the table was small reads all receipts of the
/// organizations for ever after.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list(conn: &mut PgConnection, orgs: &[Uuid], keys: &[String]) -> Result<Vec<IdempotencyRecord>> {
    let rows = sqlx::query!(
        "select r.org_id, r.key, r.fingerprint, r.answer
         from unnest($1::uuid[], $2::text[]) k(org_id, key)
         cross join lateral (
             select * from ai_token_receipts r where r.org_id = k.org_id and r.key = k.key limit 1
         ) r",
        orgs,
        keys
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(IdempotencyRecord {
                org: row.org_id,
                key: decode("key", row.key)?,
                fingerprint: Fingerprint(decode("fingerprint", row.fingerprint.as_slice())?),
                outcome: serde_json::from_str(&row.answer).map_err(|error| corrupt(format!("receipt: {error}")))?,
            })
        })
        .collect()
}

/// Removes receipts from before `since`, at most so many; answers how many. Needs a transaction from
/// [`begin_pruning`](super::tenant::begin_pruning).
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn prune(conn: &mut PgConnection, since: Instant, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        "delete from ai_token_receipts where ctid = any (array(
             select ctid from ai_token_receipts where created_at < $1 limit $2))",
        since,
        limit
    );
    Ok(done.execute(conn).await?.rows_affected())
}

/// Keeps receipts.
///
/// # Errors
/// [`StorageError`](super::StorageError); a key that is there already fails the whole transaction.
pub async fn insert(conn: &mut PgConnection, records: &[IdempotencyRecord], now: Instant) -> Result<()> {
    let orgs: Vec<Uuid> = records.iter().map(|record| record.org).collect();
    let keys: Vec<&str> = records.iter().map(|record| record.key.as_str()).collect();
    let fingerprints: Vec<&[u8]> = records.iter().map(|record| record.fingerprint.0.as_slice()).collect();
    let answers = records.iter().map(|record| serde_json::to_string(&record.outcome));
    let answers: Vec<String> =
        answers.collect::<std::result::Result<_, _>>().map_err(|error| corrupt(format!("receipt: {error}")))?;
    sqlx::query!(
        "insert into ai_token_receipts (org_id, key, fingerprint, answer, created_at)
         select unnest($1::uuid[]), unnest($2::text[]), unnest($3::bytea[]), unnest($4::text[]), $5",
        &orgs,
        &keys as &[&str],
        &fingerprints as &[&[u8]],
        &answers,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
