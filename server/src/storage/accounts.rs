//! `ai_token_accounts`: plan, license, period and the head of the log; the row that the writer locks.

use std::collections::BTreeMap;

use brightmeter::{
    billing::{
        invoices::Invoices,
        license::{License, Restriction, Rung},
        period::Anchor,
    },
    ids::OrgId,
    ledger::{
        account::{Account, Head, Terms},
        entry::EntryHash,
    },
    time::Instant,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, corrupt, decode};

pub(super) struct Row {
    pub(super) org_id: Uuid,
    pub(super) plan: String,
    pub(super) next_plan: Option<String>,
    pub(super) license_state: String,
    pub(super) license_since: Option<Instant>,
    pub(super) license_off: String,
    pub(super) anchor_at: Instant,
    pub(super) period_start: Option<Instant>,
    pub(super) closed_at: Option<Instant>,
    pub(super) seq: i64,
    pub(super) head_hash: Vec<u8>,
    pub(super) due_at: Option<Instant>,
}

/// An account without its parts.
#[derive(Debug)]
pub struct Found {
    /// Plan, license, period and head.
    pub account: Account,
    /// The earliest instant at which time brings something to book; none, if nothing ever.
    pub due_at: Option<Instant>,
}

impl Row {
    pub(super) fn decode(self) -> Result<Found> {
        let account = Account {
            org: OrgId(self.org_id),
            terms: Terms {
                plan: decode("plan", self.plan)?,
                next_plan: self.next_plan.map(|plan| decode("next plan", plan)).transpose()?,
                license: license(&self.license_state, self.license_since)?,
                announced: Restriction::parse(&self.license_off)
                    .ok_or_else(|| corrupt(format!("off {}", self.license_off)))?,
                anchor: Anchor(self.anchor_at),
                period_start: self.period_start,
                closed_at: self.closed_at,
            },
            head: Head { seq: self.seq, hash: EntryHash(decode("head hash", self.head_hash.as_slice())?) },
            balances: BTreeMap::new(),
            grants: BTreeMap::new(),
            holds: BTreeMap::new(),
            guards: BTreeMap::new(),
            spends: BTreeMap::new(),
            purchases: BTreeMap::new(),
            invoices: Invoices::default(),
            subscription: None,
            receipt_number: 0,
        };
        Ok(Found { account, due_at: self.due_at })
    }
}

pub(super) fn license(state: &str, since: Option<Instant>) -> Result<License> {
    match (state, since) {
        ("active", None) => Ok(License::Active),
        ("grace", Some(since)) => Ok(License::Grace { since }),
        ("suspended", Some(since)) => Ok(License::Suspended { since }),
        ("stopped", Some(since)) => Ok(License::Stopped { since }),
        ("canceled", Some(since)) => Ok(License::Canceled { since }),
        _ => Err(corrupt(format!("license {state} since {since:?}"))),
    }
}

/// Locks the accounts of `orgs` in the order of their ids, so that two batches never wait for each other. An organization
/// without an account is missing from the answer.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn lock(conn: &mut PgConnection, orgs: &[Uuid]) -> Result<Vec<Found>> {
    let rows = sqlx::query_as!(
        Row,
        "select org_id, plan, next_plan, license_state, license_since, license_off, anchor_at, period_start, closed_at, seq,
             head_hash, case when isfinite(due_at) then due_at end as due_at
         from ai_token_accounts where org_id = any($1) order by org_id for update",
        orgs
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::decode).collect()
}

/// The account of `org`, without its parts and without a lock.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find(conn: &mut PgConnection, org: OrgId) -> Result<Option<Found>> {
    let row = sqlx::query_as!(
        Row,
        "select org_id, plan, next_plan, license_state, license_since, license_off, anchor_at, period_start, closed_at, seq,
             head_hash, case when isfinite(due_at) then due_at end as due_at
         from ai_token_accounts where org_id = $1",
        org.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(Row::decode).transpose()
}

/// Inserts a new account.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn insert(conn: &mut PgConnection, account: &Account, now: Instant) -> Result<()> {
    sqlx::query!(
        "insert into ai_token_accounts (org_id, plan, anchor_at, head_hash, due_at, created_at)
         values ($1, $2, $3, $4, $5, $6)",
        account.org.0,
        account.terms.plan.as_str(),
        account.terms.anchor.0,
        &account.head.hash.0,
        // Its license is active: no rung is near.
        account.due_at(&[]).unwrap_or(now),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes terms and heads back; the license steps down the `ladder`. Runs after the holds were written: `due_at` looks at all open ones, loaded or not.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn update(conn: &mut PgConnection, accounts: &[&Account], ladder: &[Rung]) -> Result<()> {
    let column = |value: fn(&Account) -> Option<String>| accounts.iter().map(|a| value(a)).collect::<Vec<_>>();
    let instants = |value: fn(&Account) -> Option<Instant>| accounts.iter().map(|a| value(a)).collect::<Vec<_>>();
    let orgs: Vec<Uuid> = accounts.iter().map(|account| account.org.0).collect();
    let due: Vec<Option<Instant>> = accounts.iter().map(|account| account.due_at(ladder)).collect();
    let seqs: Vec<i64> = accounts.iter().map(|account| account.head.seq).collect();
    let hashes: Vec<Vec<u8>> = accounts.iter().map(|account| account.head.hash.0.to_vec()).collect();
    sqlx::query!(
        "update ai_token_accounts a
         set plan = u.plan, next_plan = u.next_plan, license_state = u.license_state, license_since = u.license_since,
             license_off = u.license_off, anchor_at = u.anchor_at, period_start = u.period_start, closed_at = u.closed_at, seq = u.seq, head_hash = u.head_hash,
             due_at = coalesce(least(u.due_at,
                 (select min(h.expires_at) from ai_token_holds h where h.org_id = a.org_id and h.state = 'open')), 'infinity')
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[],
                     $7::timestamptz[], $8::bigint[], $9::bytea[], $10::timestamptz[], $11::text[], $12::timestamptz[])
             u(org_id, plan, next_plan, license_state, license_since, period_start, closed_at, seq, head_hash, due_at, license_off,
               anchor_at)
         where a.org_id = u.org_id",
        &orgs,
        &column(|a| Some(a.terms.plan.to_string())) as &[Option<String>],
        &column(|a| a.terms.next_plan.as_ref().map(ToString::to_string)) as &[Option<String>],
        &column(|a| Some(a.terms.license.name().into())) as &[Option<String>],
        &instants(|a| a.terms.license.since()) as &[Option<Instant>],
        &instants(|a| a.terms.period_start) as &[Option<Instant>],
        &instants(|a| a.terms.closed_at) as &[Option<Instant>],
        &seqs,
        &hashes,
        &due as &[Option<Instant>],
        &column(|a| Some(a.terms.announced.as_str().into())) as &[Option<String>],
        &instants(|a| Some(a.terms.anchor.0)) as &[Option<Instant>],
    )
    .execute(conn)
    .await?;
    Ok(())
}
