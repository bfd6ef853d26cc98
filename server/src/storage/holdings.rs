//! `ai_tokens` and `ai_token_grants`: the balance of each token type, and the grants that it consists of. They change
//! together, so they are read and written together.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{
    ids::GrantId,
    ledger::{
        balance::Balance,
        grant::{Grant, Source},
    },
    names::TokenType,
    time::Instant,
};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, decode, unknown};

/// Balances and grants, each with its organization.
#[derive(Debug, Default)]
pub struct Holdings {
    /// Balances by token type.
    pub balances: Vec<(Uuid, TokenType, Balance)>,
    /// Grants.
    pub grants: Vec<(Uuid, Grant)>,
}

#[derive(Debug, Deserialize)]
pub(super) struct GrantRow {
    org_id: Uuid,
    id: Uuid,
    token_type: String,
    source: String,
    amount: i64,
    remaining: i64,
    held: i64,
    expires_at: Option<Instant>,
    period_start: Option<Instant>,
    created_at: Instant,
}

impl GrantRow {
    pub(super) fn decode(self) -> Result<(Uuid, Grant)> {
        let (table, id) = ("ai_token_grants", self.id);
        let grant = Grant {
            id: GrantId(id),
            token_type: decode(table, "token_type", id, self.token_type)?,
            source: Source::parse(&self.source).ok_or_else(|| unknown(table, "source", id, &self.source))?,
            amount: decode(table, "amount", id, self.amount)?,
            remaining: decode(table, "remaining", id, self.remaining)?,
            held: decode(table, "held", id, self.held)?,
            expires_at: self.expires_at,
            period_start: self.period_start,
            created_at: self.created_at,
        };
        Ok((self.org_id, grant))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct BalanceRow {
    token_type: String,
    settled: i64,
    held: i64,
    debt: i64,
}

impl BalanceRow {
    pub(super) fn decode(self, org: Uuid) -> Result<(TokenType, Balance)> {
        let name = self.token_type.as_str();
        let (table, row) = ("ai_tokens", format_args!("{org}/{name}"));
        let balance = Balance {
            settled: decode(table, "settled", row, self.settled)?,
            held: decode(table, "held", row, self.held)?,
            debt: decode(table, "debt", row, self.debt)?,
        };
        Ok((decode(table, "token_type", org, self.token_type)?, balance))
    }
}

/// Returns the balances of `orgs`, their grants with tokens left, and the allowances of the current period even if they
/// are used up.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list(conn: &mut PgConnection, orgs: &[Uuid]) -> Result<Holdings> {
    // A row without an id is a balance, with its settled tokens in `remaining` and its debt in `amount`.
    let rows = sqlx::query!(
        r#"select org_id as "org_id!", token_type as "token_type!", null::uuid as id, null::text as source,
             debt as "amount!", settled as "remaining!", held as "held!", null::timestamptz as expires_at,
             null::timestamptz as period_start, null::timestamptz as created_at
         from ai_tokens where org_id = any($1)
         union all
         select org_id, token_type, id, source, amount, remaining, held, expires_at, period_start, created_at
         from ai_token_grants where org_id = any($1) and remaining > 0
         union all
         select g.org_id, g.token_type, g.id, g.source, g.amount, g.remaining, g.held, g.expires_at, g.period_start,
             g.created_at
         from ai_token_accounts a join ai_token_grants g
             on g.org_id = a.org_id and g.source = 'plan' and g.period_start = a.period_start and g.remaining = 0
         where a.org_id = any($1)"#,
        orgs
    )
    .fetch_all(conn)
    .await?;
    let mut holdings = Holdings::default();
    for row in rows {
        if let (Some(id), Some(source), Some(created_at)) = (row.id, row.source, row.created_at) {
            let grant = GrantRow {
                org_id: row.org_id,
                id,
                token_type: row.token_type,
                source,
                amount: row.amount,
                remaining: row.remaining,
                held: row.held,
                expires_at: row.expires_at,
                period_start: row.period_start,
                created_at,
            };
            holdings.grants.push(grant.decode()?);
        } else {
            let balance =
                BalanceRow { token_type: row.token_type, settled: row.remaining, held: row.held, debt: row.amount };
            let (token_type, balance) = balance.decode(row.org_id)?;
            holdings.balances.push((row.org_id, token_type, balance));
        }
    }
    Ok(holdings)
}

/// Returns the grants in `named`, each an organization and an id, used up or not. Missing ones are left out.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_named(conn: &mut PgConnection, named: &[(Uuid, GrantId)]) -> Result<Vec<(Uuid, Grant)>> {
    let (orgs, ids): (Vec<Uuid>, Vec<Uuid>) = named.iter().map(|(org, id)| (*org, id.0)).unzip();
    let rows = sqlx::query_as!(
        GrantRow,
        "select g.org_id, g.id, g.token_type, g.source, g.amount, g.remaining, g.held, g.expires_at, g.period_start,
             g.created_at
         from unnest($1::uuid[], $2::uuid[]) n(org_id, id)
         cross join lateral (
             select * from ai_token_grants g where g.org_id = n.org_id and g.id = n.id limit 1
         ) g",
        &orgs,
        &ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(GrantRow::decode).collect()
}

/// Returns the balances of `org`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_balances(conn: &mut PgConnection, org: Uuid) -> Result<Vec<(TokenType, Balance)>> {
    let rows =
        sqlx::query_as!(BalanceRow, "select token_type, settled, held, debt from ai_tokens where org_id = $1", org);
    rows.fetch_all(conn).await?.into_iter().map(|row| row.decode(org)).collect()
}
