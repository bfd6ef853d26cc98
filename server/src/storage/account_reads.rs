//! Reads all that a check of an account needs in one statement: round trips are most of the cost.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{
    access::{api_key::ApiKey, guard::Guard},
    ids::{ApiKeyId, GuardId, MemberId, OrgId},
    ledger::account::Account,
    time::Instant,
};
use sqlx::{PgConnection, types::Json};

use super::{
    Result,
    accounts::{self, Found},
    api_keys,
    holdings::{BalanceRow, GrantRow},
};

/// The caller's guard, API key and membership to read with the account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Requester {
    /// The guard to read.
    pub guard: Option<GuardId>,
    /// The API key to read.
    pub key: Option<ApiKeyId>,
    /// The member to check.
    pub member: Option<MemberId>,
}

/// An account as read in one statement.
#[derive(Debug)]
pub struct AccountRead {
    /// The account with its balances, its grants with tokens left, the allowances of the current period even if they
    /// are used up, and the requester's guard.
    pub account: Account,
    /// The next time-driven change, or `None` if there is none.
    pub due_at: Option<Instant>,
    /// The API key, or `None` if it doesn't exist or none was requested.
    pub key: Option<ApiKey>,
    /// Whether the member exists.
    pub member: bool,
}

/// Reads the account of `org`, or returns `None` if it has none.
///
/// The SQL function sets the visible organization itself, so this needs no transaction. Within a transaction, later
/// statements see that organization too.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find(conn: &mut PgConnection, org: OrgId, requester: &Requester) -> Result<Option<AccountRead>> {
    let row = sqlx::query!(
        r#"select plan as "plan!", next_plan, next_plan_from, license_state as "license_state!", license_since,
             license_off as "license_off!", overdue_from, allowance_until, anchor_at as "anchor_at!",
             period_start, closed_at, seq as "seq!", head_hash as "head_hash!", due_at,
             balances as "balances: Json<Vec<BalanceRow>>", grants as "grants: Json<Vec<GrantRow>>",
             guard as "guard: Json<Guard>", api_key as "key: Json<api_keys::Row>", member_found as "member!"
         from read_account($1, $2, $3, $4)"#,
        org.0,
        requester.guard.map(|guard| guard.0),
        requester.key.map(|key| key.0),
        requester.member.map(|member| member.0)
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let found = accounts::Row {
        org_id: org.0,
        plan: row.plan,
        next_plan: row.next_plan,
        next_plan_from: row.next_plan_from,
        license_state: row.license_state,
        license_since: row.license_since,
        license_off: row.license_off,
        overdue_from: row.overdue_from,
        allowance_until: row.allowance_until,
        anchor_at: row.anchor_at,
        period_start: row.period_start,
        closed_at: row.closed_at,
        seq: row.seq,
        head_hash: row.head_hash,
        due_at: row.due_at,
    };
    let Found { mut account, due_at } = found.decode()?;
    for balance in row.balances.map(|rows| rows.0).unwrap_or_default() {
        let (token_type, balance) = balance.decode(org.0)?;
        account.balances.insert(token_type, balance);
    }
    for grant in row.grants.map(|rows| rows.0).unwrap_or_default() {
        let (_, grant) = grant.decode()?;
        account.grants.insert(grant.id, grant);
    }
    if let (Some(id), Some(guard)) = (requester.guard, row.guard) {
        account.guards.insert(id, guard.0);
    }
    let key = row.key.map(|key| key.0.decode()).transpose()?.map(|(_, key)| key);
    Ok(Some(AccountRead { account, due_at, key, member: row.member }))
}
