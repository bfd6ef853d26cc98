//! What a batch of the writer changes, written by one call of the SQL function `write_batch`.

use std::collections::BTreeMap;

use brightmeter::{
    access::guard::Guard,
    billing::license::Rung,
    command::Metadata,
    ids::{ApiKeyId, GuardId, MemberId, OrgId},
    ledger::{
        account::Account,
        balance::Balance,
        entry::{Entry, EntryHash},
        grant::{Grant, GrantPart, Source},
        hold::{Hold, HoldState},
    },
    names::{FeatureName, TokenType},
    time::Instant,
};
use chrono::NaiveDate;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Result, idempotency::IdempotencyRecord};

/// The changes of a batch. Each row has its organization.
#[derive(Default)]
pub struct BatchWrite<'a> {
    /// Balances.
    pub balances: Vec<(Uuid, &'a TokenType, Balance)>,
    /// New and changed grants.
    pub grants: Vec<(Uuid, &'a Grant)>,
    /// Opened and ended holds.
    pub holds: Vec<(Uuid, &'a Hold)>,
    /// Guards.
    pub guards: Vec<(Uuid, GuardId, &'a Guard)>,
    /// New entries, each with the day that it counts towards.
    pub entries: Vec<(Uuid, NaiveDate, &'a Entry, EntryHash)>,
    /// New idempotency records.
    pub records: Vec<&'a IdempotencyRecord>,
    /// All accounts of which something changes.
    pub accounts: Vec<&'a Account>,
}

/// The state that a batch was decided on without a lock.
#[derive(Debug, Default)]
pub struct Expected {
    /// The organizations with the versions of their accounts.
    pub versions: Vec<(Uuid, i64)>,
    /// API keys that must not be revoked.
    pub api_keys: Vec<(OrgId, ApiKeyId)>,
    /// Members who must exist.
    pub members: Vec<(OrgId, MemberId)>,
}

/// The key of a daily figure: organization, its day, token type, feature, member (nil if no member is involved).
type DailyLine<'a> = (Uuid, NaiveDate, &'a str, &'a str, Uuid);

/// Adds up the use of entries by day: uses and tokens.
fn daily<'a>(entries: &[(Uuid, NaiveDate, &'a Entry, EntryHash)]) -> BTreeMap<DailyLine<'a>, (i64, i64)> {
    let mut lines = BTreeMap::new();
    for (org, day, entry, _) in entries.iter().filter(|(_, _, entry, _)| entry.kind.is_use()) {
        let member = entry.member.map_or(Uuid::nil(), |member| member.0);
        let feature = entry.feature.as_ref().map(FeatureName::as_str).unwrap_or_default();
        let (uses, tokens) = lines.entry((*org, *day, entry.token_type.as_str(), feature, member)).or_insert((0, 0));
        *uses += entry.kind.uses();
        *tokens -= entry.amount();
    }
    lines
}

fn column<T, V>(rows: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

/// Writes `batch`. `ladder` gives the next license rung, for when an account is due.
///
/// With `expected`, the call is a transaction of its own: it locks the accounts and writes only if they still have those
/// versions. Without, the caller has locked them.
///
/// # Errors
/// [`StorageError`](super::StorageError) if the database fails, and [`is_stale`](super::StorageError::is_stale) if
/// something is not as expected.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn write(
    conn: &mut PgConnection,
    batch: &BatchWrite<'_>,
    expected: Option<&Expected>,
    ladder: &[Rung],
    now: Instant,
) -> Result<()> {
    let BatchWrite { balances, grants, holds, guards, entries, records, accounts } = batch;
    let none = Expected::default();
    let Expected { versions, api_keys, members } = expected.unwrap_or(&none);
    let number_of_entry = |value: fn(&Entry) -> i64| column(entries, |(_, _, entry, _)| value(entry));
    let text_of_entry = |value: fn(&Entry) -> Option<&str>| column(entries, |(_, _, entry, _)| value(entry));
    let id_of_entry = |value: fn(&Entry) -> Option<Uuid>| column(entries, |(_, _, entry, _)| value(entry));
    let number_of_grant = |value: fn(&Grant) -> i64| column(grants, |(_, grant)| value(grant));
    let instant_of_account = |value: fn(&Account) -> Option<Instant>| column(accounts, |account| value(account));
    let requests: Vec<Instant> = guards.iter().flat_map(|(_, _, guard)| &guard.requests).copied().collect();
    // An array of arrays must be rectangular, so the requests of all guards are one array, cut at these places.
    let ends = guards.iter().scan(0, |end, (_, _, guard)| {
        *end += i32::try_from(guard.requests.len()).unwrap_or(i32::MAX);
        Some(*end)
    });
    let ends: Vec<i32> = ends.collect();
    let daily: Vec<(DailyLine<'_>, (i64, i64))> = daily(entries).into_iter().collect();
    let outcomes: Vec<String> = records.iter().map(|record| record.outcome_json()).collect::<Result<_>>()?;
    sqlx::query!(
        "select write_batch(
             $1, $2, $3, $4, $5, $6, $7,
             $8, $9, $10, $11, $12,
             $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
             $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37,
             $38, $39, $40, $41, $42, $43,
             $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64,
             $65, $66, $67, $68,
             $69, $70, $71, $72, $73, $74, $75,
             $76, $77, $78, $79,
             $80, $81, $82, $83, $84, $85, $86, $87, $88, $89, $90, $91, $92, $93, $94)",
        now,
        &column(versions, |(org, _)| *org),
        expected.map(|expected| column(&expected.versions, |(_, version)| *version)) as Option<Vec<i64>>,
        &column(api_keys, |(org, _)| org.0),
        &column(api_keys, |(_, key)| key.0),
        &column(members, |(org, _)| org.0),
        &column(members, |(_, member)| member.0),
        // balances
        &column(balances, |(org, _, _)| *org),
        &column(balances, |(_, token_type, _)| token_type.as_str()) as &[&str],
        &column(balances, |(_, _, balance)| balance.settled.get()),
        &column(balances, |(_, _, balance)| balance.held.get()),
        &column(balances, |(_, _, balance)| balance.debt.get()),
        // grants
        &column(grants, |(org, _)| *org),
        &column(grants, |(_, grant)| grant.id.0),
        &column(grants, |(_, grant)| grant.token_type.as_str()) as &[&str],
        &column(grants, |(_, grant)| grant.source.as_str()) as &[&str],
        &number_of_grant(|grant| grant.amount.get()),
        &number_of_grant(|grant| grant.remaining.get()),
        &number_of_grant(|grant| grant.held.get()),
        &column(grants, |(_, grant)| grant.expires_at) as &[Option<Instant>],
        &column(grants, |(_, grant)| grant.period_start) as &[Option<Instant>],
        &column(grants, |(_, grant)| grant.created_at),
        // holds
        &column(holds, |(org, _)| *org),
        &column(holds, |(_, hold)| hold.id.0),
        &column(holds, |(_, hold)| hold.feature.as_str()) as &[&str],
        &column(holds, |(_, hold)| hold.caller.columns().0) as &[&str],
        &column(holds, |(_, hold)| hold.caller.columns().1) as &[Option<Uuid>],
        &column(holds, |(_, hold)| hold.caller.member().map(|member| member.0)) as &[Option<Uuid>],
        &column(holds, |(_, hold)| hold.token_type.as_str()) as &[&str],
        &column(holds, |(_, hold)| Json(hold.parts.as_slice())) as &[Json<&[GrantPart]>],
        &column(holds, |(_, hold)| hold.amount().get()),
        &column(holds, |(_, hold)| hold.state.as_str()) as &[&str],
        &column(holds, |(_, hold)| captured(&hold.state)) as &[Option<i64>],
        &column(holds, |(_, hold)| release_reason(&hold.state)) as &[Option<&str>],
        &column(holds, |(_, hold)| hold.opened_at),
        &column(holds, |(_, hold)| hold.expires_at),
        &column(holds, |(_, hold)| hold.state.ended_at()) as &[Option<Instant>],
        // guards
        &column(guards, |(org, _, _)| *org),
        &column(guards, |(_, id, _)| id.0),
        &requests,
        &ends,
        &column(guards, |(_, _, guard)| guard.last_admitted_at) as &[Option<Instant>],
        &column(guards, |(_, _, guard)| guard.blocked_until) as &[Option<Instant>],
        // entries
        &column(entries, |(org, _, _, _)| *org),
        &number_of_entry(|entry| entry.seq),
        &id_of_entry(|entry| Some(entry.transaction.0)) as &[Option<Uuid>],
        &text_of_entry(|entry| Some(entry.kind.as_str())) as &[Option<&str>],
        &text_of_entry(|entry| Some(entry.token_type.as_str())) as &[Option<&str>],
        &number_of_entry(Entry::amount),
        &number_of_entry(|entry| entry.before.settled.get()),
        &number_of_entry(|entry| entry.after.settled.get()),
        &number_of_entry(|entry| entry.before.held.get()),
        &number_of_entry(|entry| entry.after.held.get()),
        &number_of_entry(|entry| entry.before.debt.get()),
        &number_of_entry(|entry| entry.after.debt.get()),
        &column(entries, |(_, _, entry, _)| Json(entry.parts.as_slice())) as &[Json<&[GrantPart]>],
        &text_of_entry(|entry| entry.source.map(Source::as_str)) as &[Option<&str>],
        &text_of_entry(|entry| entry.feature.as_ref().map(FeatureName::as_str)) as &[Option<&str>],
        &text_of_entry(|entry| Some(entry.caller.columns().0)) as &[Option<&str>],
        &id_of_entry(|entry| entry.caller.columns().1) as &[Option<Uuid>],
        &id_of_entry(|entry| entry.member.map(|member| member.0)) as &[Option<Uuid>],
        &id_of_entry(|entry| entry.hold.map(|hold| hold.0)) as &[Option<Uuid>],
        &id_of_entry(|entry| entry.reverses.map(|transaction| transaction.0)) as &[Option<Uuid>],
        &id_of_entry(|entry| entry.purchase.map(|purchase| purchase.0)) as &[Option<Uuid>],
        &text_of_entry(|entry| entry.note.as_deref()) as &[Option<&str>],
        &text_of_entry(|entry| entry.metadata.as_ref().map(Metadata::as_str)) as &[Option<&str>],
        &column(entries, |(_, _, entry, _)| entry.at),
        &column(entries, |(_, _, _, hash)| hash.0.as_slice().to_vec()),
        // daily figures
        &column(&daily, |(line, _)| line.0),
        &column(&daily, |(line, _)| line.1),
        &column(&daily, |(line, _)| line.2) as &[&str],
        &column(&daily, |(line, _)| line.3) as &[&str],
        &column(&daily, |(line, _)| line.4),
        &column(&daily, |(_, (uses, _))| *uses),
        &column(&daily, |(_, (_, tokens))| *tokens),
        // idempotency records
        &column(records, |record| record.org),
        &column(records, |record| record.key.as_str()) as &[&str],
        &column(records, |record| record.fingerprint.0.as_slice()) as &[&[u8]],
        &outcomes,
        // accounts
        &column(accounts, |account| account.org.0),
        &column(accounts, |account| account.terms.plan.as_str()) as &[&str],
        &column(accounts, |account| account.terms.next_plan.as_ref().map(|next| next.plan.as_str()))
            as &[Option<&str>],
        &instant_of_account(|account| account.terms.next_plan.as_ref().map(|next| next.from)) as &[Option<Instant>],
        &column(accounts, |account| account.terms.license.name()) as &[&str],
        &instant_of_account(|account| account.terms.license.since()) as &[Option<Instant>],
        &column(accounts, |account| account.terms.announced.as_str()) as &[&str],
        &instant_of_account(|account| account.terms.overdue_from) as &[Option<Instant>],
        &instant_of_account(|account| account.terms.allowance_until) as &[Option<Instant>],
        &column(accounts, |account| account.terms.anchor.0),
        &instant_of_account(|account| account.terms.period_start) as &[Option<Instant>],
        &instant_of_account(|account| account.terms.closed_at) as &[Option<Instant>],
        &column(accounts, |account| account.head.seq),
        &column(accounts, |account| account.head.hash.0.as_slice()) as &[&[u8]],
        &column(accounts, |account| account.due_at(ladder)) as &[Option<Instant>],
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

fn captured(state: &HoldState) -> Option<i64> {
    match state {
        HoldState::Captured { amount, .. } => Some(amount.get()),
        _ => None,
    }
}

fn release_reason(state: &HoldState) -> Option<&str> {
    match state {
        HoldState::Released { reason, .. } => Some(reason),
        _ => None,
    }
}
