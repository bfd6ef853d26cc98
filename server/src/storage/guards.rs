//! `ai_token_guards`: the abuse state of callers.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{access::guard::Guard, ids::GuardId, time::Instant};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, expect_rows};

/// Returns the guards in `named`, each an organization and a caller. Callers without requests are left out.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list(conn: &mut PgConnection, named: &[(Uuid, GuardId)]) -> Result<Vec<(Uuid, GuardId, Guard)>> {
    let (orgs, ids): (Vec<Uuid>, Vec<Uuid>) = named.iter().map(|(org, id)| (*org, id.0)).unzip();
    let rows = sqlx::query!(
        "select g.org_id, g.caller_id, g.requests, g.last_admitted_at, g.blocked_until
         from unnest($1::uuid[], $2::uuid[]) n(org_id, id)
         cross join lateral (
             select * from ai_token_guards g where g.org_id = n.org_id and g.caller_id = n.id limit 1
         ) g",
        &orgs,
        &ids
    )
    .fetch_all(conn)
    .await?;
    let guards = rows.into_iter().map(|row| {
        let guard =
            Guard { requests: row.requests, last_admitted_at: row.last_admitted_at, blocked_until: row.blocked_until };
        (row.org_id, GuardId(row.caller_id), guard)
    });
    Ok(guards.collect())
}

/// Writes one guard. Batches have few: callers without limits have no guard.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn upsert(conn: &mut PgConnection, org: Uuid, id: GuardId, guard: &Guard) -> Result<()> {
    let done = sqlx::query!(
        "insert into ai_token_guards (org_id, caller_id, requests, last_admitted_at, blocked_until)
         values ($1, $2, $3, $4, $5)
         on conflict (org_id, caller_id) do update set requests = excluded.requests,
             last_admitted_at = excluded.last_admitted_at, blocked_until = excluded.blocked_until",
        org,
        id.0,
        &guard.requests as &[Instant],
        guard.last_admitted_at,
        guard.blocked_until
    )
    .execute(conn)
    .await?;
    expect_rows(done, 1, "ai_token_guards", id.0)
}
