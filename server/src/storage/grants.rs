//! `ai_token_grants`: lots of tokens.

use brightmeter::{
    grant::{Grant, Source},
    ids::GrantId,
    time::Instant,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, corrupt, decode};

/// The grants that a command can touch: those with tokens left, the allowances of the current period, and the `named`
/// ones, as organization and id.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list(conn: &mut PgConnection, orgs: &[Uuid], named: &[(Uuid, GrantId)]) -> Result<Vec<(Uuid, Grant)>> {
    let (named_orgs, named_ids): (Vec<Uuid>, Vec<Uuid>) = named.iter().map(|(org, id)| (*org, id.0)).unzip();
    let rows = sqlx::query!(
        r#"select org_id as "org_id!", id as "id!", token_type as "token_type!", source as "source!",
             amount as "amount!", remaining as "remaining!", held as "held!", expires_at, period_start,
             created_at as "created_at!"
         from (
             select * from ai_token_grants where org_id = any($1) and remaining > 0
             union
             select g.* from ai_token_accounts a join ai_token_grants g
                 on g.org_id = a.org_id and g.source = 'plan' and g.period_start = a.period_start
                 where a.org_id = any($1)
             union
             select g.* from unnest($2::uuid[], $3::uuid[]) n(org_id, id) cross join lateral (
                 select * from ai_token_grants g where g.org_id = n.org_id and g.id = n.id limit 1
             ) g
         ) g"#,
        orgs,
        &named_orgs,
        &named_ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let grant = Grant {
                id: GrantId(row.id),
                token_type: decode("token type", row.token_type)?,
                source: Source::parse(&row.source).ok_or_else(|| corrupt(format!("source {}", row.source)))?,
                amount: decode("amount", row.amount)?,
                remaining: decode("remaining", row.remaining)?,
                held: decode("held", row.held)?,
                expires_at: row.expires_at,
                period_start: row.period_start,
                created_at: row.created_at,
            };
            Ok((row.org_id, grant))
        })
        .collect()
}

/// Writes grants, new or changed.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn upsert(conn: &mut PgConnection, grants: &[(Uuid, &Grant)]) -> Result<()> {
    let orgs: Vec<Uuid> = grants.iter().map(|(org, _)| *org).collect();
    let ids: Vec<Uuid> = grants.iter().map(|(_, grant)| grant.id.0).collect();
    let types: Vec<String> = grants.iter().map(|(_, grant)| grant.token_type.to_string()).collect();
    let sources: Vec<String> = grants.iter().map(|(_, grant)| grant.source.as_str().into()).collect();
    let number = |value: fn(&Grant) -> i64| grants.iter().map(|(_, g)| value(g)).collect::<Vec<i64>>();
    let instant = |value: fn(&Grant) -> Option<Instant>| grants.iter().map(|(_, g)| value(g)).collect::<Vec<_>>();
    sqlx::query!(
        "insert into ai_token_grants
             (org_id, id, token_type, source, amount, remaining, held, expires_at, period_start, created_at)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[],
             $8::timestamptz[], $9::timestamptz[], $10::timestamptz[])
         on conflict (org_id, id)
         do update set amount = excluded.amount, remaining = excluded.remaining, held = excluded.held",
        &orgs,
        &ids,
        &types,
        &sources,
        &number(|g| g.amount.get()),
        &number(|g| g.remaining.get()),
        &number(|g| g.held.get()),
        &instant(|g| g.expires_at) as &[Option<Instant>],
        &instant(|g| g.period_start) as &[Option<Instant>],
        &instant(|g| Some(g.created_at)) as &[Option<Instant>],
    )
    .execute(conn)
    .await?;
    Ok(())
}
