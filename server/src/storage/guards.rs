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

/// Inserts or replaces guards, each of an organization and a caller.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn upsert(conn: &mut PgConnection, guards: &[(Uuid, GuardId, &Guard)]) -> Result<()> {
    let (orgs, ids): (Vec<Uuid>, Vec<Uuid>) = guards.iter().map(|(org, id, _)| (*org, id.0)).unzip();
    let requests = guards.iter().flat_map(|(_, _, guard)| &guard.requests).copied().collect::<Vec<Instant>>();
    // An array of arrays must be rectangular, so the requests of all guards are one array, cut at these places.
    let ends = guards.iter().scan(0, |end, (_, _, guard)| {
        *end += i32::try_from(guard.requests.len()).unwrap_or(i32::MAX);
        Some(*end)
    });
    let ends: Vec<i32> = ends.collect();
    let instants = |value: fn(&Guard) -> Option<Instant>| guards.iter().map(|(_, _, g)| value(g)).collect::<Vec<_>>();
    let done = sqlx::query!(
        "insert into ai_token_guards (org_id, caller_id, requests, last_admitted_at, blocked_until)
         select org_id, caller_id, ($3::timestamptz[])[lag(last, 1, 0) over (order by n) + 1 : last], last_admitted_at, blocked_until
         from unnest($1::uuid[], $2::uuid[], $4::int[], $5::timestamptz[], $6::timestamptz[])
             with ordinality u(org_id, caller_id, last, last_admitted_at, blocked_until, n)
         on conflict (org_id, caller_id) do update set requests = excluded.requests,
             last_admitted_at = excluded.last_admitted_at, blocked_until = excluded.blocked_until",
        &orgs,
        &ids,
        &requests,
        &ends,
        &instants(|guard| guard.last_admitted_at) as &[Option<Instant>],
        &instants(|guard| guard.blocked_until) as &[Option<Instant>]
    )
    .execute(conn)
    .await?;
    expect_rows(done, guards.len(), "ai_token_guards", "one of a batch")
}
