//! `ai_token_guards`: the abuse state of callers.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{access::guard::Guard, ids::GuardId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Result;

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
