//! One look at an account: all that a question about it needs, in one statement, because round trips are what a question costs.

use brightmeter::{
    access::{
        api_key::ApiKey,
        guard::{Guard, GuardId},
    },
    ids::{ApiKeyId, MemberId, OrgId},
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

/// Of whom a look also says how they stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Requester {
    /// Whose guard to look at.
    pub guard: Option<GuardId>,
    /// Which key to look for.
    pub key: Option<ApiKeyId>,
    /// Which member to look for.
    pub member: Option<MemberId>,
}

/// What a look has found.
#[derive(Debug)]
pub struct AccountRead {
    /// The account: its balances, its grants with tokens left, the allowances of the current period even if they are used up,
    /// and the asker's guard.
    pub account: Account,
    /// The earliest instant at which time brings something to book; none, if nothing ever.
    pub due_at: Option<Instant>,
    /// The key, if there is one.
    pub key: Option<ApiKey>,
    /// Whether there is such a member.
    pub member: bool,
}

/// Looks at the account of `org`; nothing, if it has none. Its function says itself which organization may be seen, so this needs
/// no transaction; in one, it shows that organization to what follows.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find(conn: &mut PgConnection, org: OrgId, requester: &Requester) -> Result<Option<AccountRead>> {
    let row = sqlx::query!(
        r#"select plan as "plan!", next_plan, license_state as "license_state!", license_since,
             license_off as "license_off!", anchor_at as "anchor_at!",
             period_start, closed_at, seq as "seq!", head_hash as "head_hash!", due_at,
             balances as "balances: Json<Vec<BalanceRow>>", grants as "grants: Json<Vec<GrantRow>>",
             guard as "guard: Json<Guard>", api_key as "key: Json<api_keys::Row>", member_found as "member!"
         from ai_token_look($1, $2, $3, $4)"#,
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
        license_state: row.license_state,
        license_since: row.license_since,
        license_off: row.license_off,
        anchor_at: row.anchor_at,
        period_start: row.period_start,
        closed_at: row.closed_at,
        seq: row.seq,
        head_hash: row.head_hash,
        due_at: row.due_at,
    };
    let Found { mut account, due_at } = found.decode()?;
    for balance in row.balances.map(|rows| rows.0).unwrap_or_default() {
        let (token_type, balance) = balance.decode()?;
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
