//! `ai_token_accounts`: plan, license, period and the head of the log. The writer locks these rows.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use std::{collections::BTreeMap, fmt::Display};

use brightmeter::{
    billing::{
        invoices::Invoices,
        license::{License, Restriction, SuspensionCause},
        period::Anchor,
        standing::NextPlan,
        subscription::Subscriptions,
    },
    ids::OrgId,
    ledger::{
        account::{Account, Head, Terms},
        entry::EntryHash,
    },
    time::Instant,
    time_zone::TimeZone,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, corrupt, decode, unknown};

const TABLE: &str = "ai_token_accounts";

pub(super) struct Row {
    pub(super) org_id: Uuid,
    pub(super) plan: String,
    pub(super) next_plan: Option<String>,
    pub(super) next_plan_from: Option<Instant>,
    pub(super) license_state: String,
    pub(super) license_since: Option<Instant>,
    pub(super) license_off: String,
    pub(super) overdue_from: Option<Instant>,
    pub(super) allowance_until: Option<Instant>,
    pub(super) anchor_at: Instant,
    pub(super) period_start: Option<Instant>,
    pub(super) closed_at: Option<Instant>,
    pub(super) seq: i64,
    pub(super) head_hash: Vec<u8>,
    pub(super) due_at: Option<Instant>,
}

/// An account without its balances, grants and holds.
#[derive(Debug)]
pub struct Found {
    /// Plan, license, period and head of the log; the rest is empty.
    pub account: Account,
    /// The next time-driven change, or `None` if there is none.
    pub due_at: Option<Instant>,
}

impl Row {
    pub(super) fn decode(self) -> Result<Found> {
        let org = self.org_id;
        let next_plan = self.next_plan.map(|plan| decode(TABLE, "next_plan", org, plan)).transpose()?;
        let account = Account {
            org: OrgId(org),
            terms: Terms {
                plan: decode(TABLE, "plan", org, self.plan)?,
                next_plan: next_plan.zip(self.next_plan_from).map(|(plan, from)| NextPlan { plan, from }),
                license: license(TABLE, "license_state", org, &self.license_state, self.license_since)?,
                announced: Restriction::parse(&self.license_off)
                    .ok_or_else(|| unknown(TABLE, "license_off", org, &self.license_off))?,
                overdue_from: self.overdue_from,
                allowance_until: self.allowance_until,
                anchor: Anchor(self.anchor_at),
                period_start: self.period_start,
                closed_at: self.closed_at,
            },
            head: Head { seq: self.seq, hash: EntryHash(decode(TABLE, "head_hash", org, self.head_hash.as_slice())?) },
            balances: BTreeMap::new(),
            grants: BTreeMap::new(),
            holds: BTreeMap::new(),
            guards: BTreeMap::new(),
            spends: BTreeMap::new(),
            purchases: BTreeMap::new(),
            invoices: Invoices::default(),
            subscriptions: Subscriptions::default(),
            receipt_number: 0,
        };
        Ok(Found { account, due_at: self.due_at })
    }
}

/// Decodes the license in `column` of a `row` and its start.
pub(super) fn license(
    table: &'static str,
    column: &'static str,
    row: impl Display,
    state: &str,
    since: Option<Instant>,
) -> Result<License> {
    match (state, since) {
        ("active", None) => Ok(License::Active),
        ("grace", Some(since)) => Ok(License::Grace { since }),
        ("suspended", Some(since)) => Ok(License::Suspended { since, cause: SuspensionCause::NonPayment }),
        ("suspended_by_staff", Some(since)) => Ok(License::Suspended { since, cause: SuspensionCause::Staff }),
        ("canceled", Some(since)) => Ok(License::Canceled { since }),
        _ => Err(corrupt(table, column, row, format_args!("unknown license `{state}` since {since:?}"))),
    }
}

/// A locked account.
#[derive(Debug)]
pub struct Locked {
    /// The account.
    pub found: Found,
    /// The time zone of the organization.
    pub time_zone: TimeZone,
    /// How often the row was updated.
    pub version: i64,
}

/// Locks the accounts of `orgs` in the order of their ids, so that two batches never deadlock. Organizations without an
/// account are left out.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn lock(conn: &mut PgConnection, orgs: &[Uuid]) -> Result<Vec<Locked>> {
    let rows = sqlx::query!(
        "select a.org_id, plan, next_plan, next_plan_from, license_state, license_since, license_off, overdue_from,
             allowance_until, anchor_at, period_start, closed_at, seq, head_hash,
             case when isfinite(due_at) then due_at end as due_at, o.time_zone, version
         from ai_token_accounts a join organizations o on o.id = a.org_id
         where a.org_id = any($1) order by a.org_id for update of a",
        orgs
    )
    .fetch_all(conn)
    .await?;
    let locked = rows.into_iter().map(|row| {
        let found = Row {
            org_id: row.org_id,
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
        let time_zone = decode("organizations", "time_zone", row.org_id, row.time_zone)?;
        Ok(Locked { found: found.decode()?, time_zone, version: row.version })
    });
    locked.collect()
}

/// Returns the account of `org` without a lock, or `None` if it has none.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find(conn: &mut PgConnection, org: OrgId) -> Result<Option<Found>> {
    let row = sqlx::query_as!(
        Row,
        "select org_id, plan, next_plan, next_plan_from, license_state, license_since, license_off, overdue_from,
             allowance_until, anchor_at, period_start, closed_at, seq, head_hash,
             case when isfinite(due_at) then due_at end as due_at
         from ai_token_accounts where org_id = $1",
        org.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(Row::decode).transpose()
}

/// Inserts a new account.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn insert(conn: &mut PgConnection, account: &Account, now: Instant) -> Result<()> {
    sqlx::query!(
        "insert into ai_token_accounts (org_id, plan, anchor_at, head_hash, due_at, created_at)
         values ($1, $2, $3, $4, $5, $6)",
        account.org.0,
        account.terms.plan.as_str(),
        account.terms.anchor.0,
        &account.head.hash.0,
        // The license of a new account is active, so no rung is due.
        account.due_at(&[]).unwrap_or(now),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
