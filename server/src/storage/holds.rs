//! `ai_token_holds`: reservations of tokens for jobs.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{
    command::Caller,
    ids::{HoldId, OrgId},
    ledger::{
        grant::GrantPart,
        hold::{Hold, HoldState},
    },
    time::Instant,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Result, corrupt, decode, unknown};

const TABLE: &str = "ai_token_holds";

struct Row {
    org_id: Uuid,
    id: Uuid,
    feature: String,
    caller_kind: String,
    caller_id: Option<Uuid>,
    member_id: Option<Uuid>,
    token_type: String,
    parts: Json<Vec<GrantPart>>,
    state: String,
    captured: Option<i64>,
    reason: Option<String>,
    opened_at: Instant,
    expires_at: Instant,
    ended_at: Option<Instant>,
}

impl Row {
    fn decode(self) -> Result<(Uuid, Hold)> {
        let id = self.id;
        let state = match (self.state.as_str(), self.ended_at) {
            ("open", None) => HoldState::Open,
            ("captured", Some(at)) => {
                HoldState::Captured { amount: decode(TABLE, "captured", id, self.captured.unwrap_or_default())?, at }
            }
            ("released", Some(at)) => HoldState::Released { reason: self.reason.unwrap_or_default(), at },
            ("expired", Some(at)) => HoldState::Expired { at },
            (state, ended_at) => {
                let problem = format_args!("unknown state `{state}`, ended {ended_at:?}");
                return Err(corrupt(TABLE, "state", id, problem));
            }
        };
        let hold = Hold {
            id: HoldId(id),
            feature: decode(TABLE, "feature", id, self.feature)?,
            caller: Caller::from_columns(&self.caller_kind, self.caller_id, self.member_id)
                .ok_or_else(|| unknown(TABLE, "caller_kind", id, &self.caller_kind))?,
            token_type: decode(TABLE, "token_type", id, self.token_type)?,
            parts: self.parts.0,
            state,
            opened_at: self.opened_at,
            expires_at: self.expires_at,
        };
        Ok((self.org_id, hold))
    }
}

/// Returns the open holds of `orgs` that expire by `now`, and the holds in `named`, each an organization and an id.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list(
    conn: &mut PgConnection,
    orgs: &[Uuid],
    named: &[(Uuid, HoldId)],
    now: Instant,
) -> Result<Vec<(Uuid, Hold)>> {
    let (named_orgs, named_ids): (Vec<Uuid>, Vec<Uuid>) = named.iter().map(|(org, id)| (*org, id.0)).unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select org_id as "org_id!", id as "id!", feature as "feature!", caller_kind as "caller_kind!", caller_id,
             member_id, token_type as "token_type!", parts as "parts!: Json<Vec<GrantPart>>", state as "state!", captured,
             reason, opened_at as "opened_at!", expires_at as "expires_at!", ended_at
         from (
             select * from ai_token_holds where org_id = any($1) and state = 'open' and expires_at <= $2
             union
             select h.* from unnest($3::uuid[], $4::uuid[]) n(org_id, id) cross join lateral (
                 select * from ai_token_holds h where h.org_id = n.org_id and h.id = n.id limit 1
             ) h
         ) h"#,
        orgs,
        now,
        &named_orgs,
        &named_ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::decode).collect()
}

/// Returns a hold, or `None` if it doesn't exist.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find(conn: &mut PgConnection, org: OrgId, id: HoldId) -> Result<Option<Hold>> {
    let row = sqlx::query_as!(
        Row,
        r#"select org_id, id, feature, caller_kind, caller_id, member_id, token_type, parts as "parts: Json<Vec<GrantPart>>",
             state, captured, reason, opened_at, expires_at, ended_at
         from ai_token_holds where org_id = $1 and id = $2"#,
        org.0,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Row::decode).transpose()?.map(|(_, hold)| hold))
}
