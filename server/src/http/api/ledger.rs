//! `GET /tokens/ledger`: every token that moved.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header::ACCEPT},
    response::{IntoResponse, Response},
};
use brightmeter::{
    ids::MemberId,
    ledger::entry::{Entry, EntryHash},
    names::{FeatureName, TokenType},
    time::Instant,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    answers::{Queried, Reads},
    bodies::{BalanceAfter, member},
    extract::{Query, parameter},
    gate::Who,
    problem::Problem,
};
use crate::{
    http::{AppState, csv_export},
    storage::entries::{self, Filter},
};

/// How many entries a page has, if nobody says.
const DEFAULT_LIMIT: i64 = 50;
/// How many it has at most.
const MAX_LIMIT: i64 = 200;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Where the last page ended: its `next_cursor`.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    cursor: Option<String>,
    /// How many entries; 50 if not said.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, example = 50)]
    limit: Option<String>,
    /// Only of this token type.
    #[param(value_type = Option<String>, min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_-]*$", example = "ai")]
    token_type: Option<String>,
    /// Only of this feature.
    #[param(value_type = Option<String>, min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_-]*$", example = "quest_generation")]
    feature: Option<String>,
    /// Only by, or for, this member.
    #[param(value_type = Option<uuid::Uuid>)]
    member: Option<String>,
    /// Only at or after this instant.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-01T00:00:00Z")]
    from: Option<String>,
    /// Only before this instant.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-12-01T00:00:00Z")]
    to: Option<String>,
}

/// A page of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ledger {
    /// The entries, newest first.
    items: Vec<EntryBody>,
    /// Where the next page starts; null on the last.
    next_cursor: Option<String>,
}

/// One entry: nobody can change it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryBody {
    /// Its number: 1, 2, 3, … without gaps.
    #[schema(minimum = 1, example = 42)]
    seq: i64,
    /// The command that made it.
    transaction_id: uuid::Uuid,
    /// What happened: `granted`, `expired`, `spent`, `held`, `captured`, `released`, `hold_expired`, `refunded`, `adjusted` or
    /// `plan_changed`.
    #[schema(example = "spent")]
    kind: &'static str,
    /// The kind of tokens.
    #[schema(example = "ai")]
    token_type: String,
    /// The signed change of what is settled.
    #[schema(example = -5)]
    amount: i64,
    /// The signed change of what is held.
    #[schema(example = 0)]
    held: i64,
    /// The balance after it.
    balance: BalanceAfter,
    /// The feature that was used.
    feature: Option<String>,
    /// Who caused it: `member`, `key`, `staff` or `system`.
    #[schema(example = "key")]
    caller: &'static str,
    /// The id of the member, key or person.
    caller_id: Option<uuid::Uuid>,
    /// Whose use it counts as.
    member: Option<uuid::Uuid>,
    /// The hold that it opened or ended.
    hold_id: Option<uuid::Uuid>,
    /// The transaction that it takes back.
    reverses: Option<uuid::Uuid>,
    /// Why, in words.
    note: Option<String>,
    /// What the caller attached.
    #[schema(value_type = Option<BTreeMap<String, serde_json::Value>>)]
    metadata: Option<Box<serde_json::value::RawValue>>,
    /// When it was booked.
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    /// Its SHA-256, which covers the entry before it.
    hash: String,
}

/// The ledger
///
/// Every token that moved, newest first. A page stays right while entries arrive. With `Accept: text/csv` all entries come as a
/// file, streamed.
#[utoipa::path(
    get, path = "/tokens/ledger", tag = "Reports", operation_id = "ledger", params(Page),
    responses(
        (status = 200, description = "Entries.", content((Ledger = "application/json"), (String = "text/csv"))),
        Reads,
        Queried,
    ),
)]
pub(super) async fn ledger(
    State(state): State<AppState>,
    who: Who,
    headers: HeaderMap,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let limit = parameter::<i64>("limit", page.limit.as_deref(), LIMIT_MESSAGE)?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::on("limit", LIMIT_MESSAGE));
    }
    let filter = filter(&page)?;
    let mut tx = who.open(&state).await?;
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.split(',').any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "text/csv")) {
        drop(tx);
        return Ok(csv_export::answer(&state, who.org(), filter).await?);
    }
    let mut found = entries::list(&mut tx, who.org(), &filter, limit + 1).await?;
    let more = i64::try_from(found.len()).is_ok_and(|found| found > limit);
    found.truncate(usize::try_from(limit).unwrap_or_default());
    let next_cursor = found.last().filter(|_| more).map(|(entry, _)| entry.seq.to_string());
    let items = found.iter().map(|(entry, hash)| EntryBody::new(entry, *hash)).collect();
    Ok(Json(Ledger { items, next_cursor }).into_response())
}

const LIMIT_MESSAGE: &str = "a page has 1 to 200 entries";

fn filter(page: &Page) -> Result<Filter, Problem> {
    let instant = "write an instant as 2026-11-23T08:30:00Z";
    let member: Option<MemberId> = member(page.member.as_deref())?;
    let cursor = parameter::<i64>("cursor", page.cursor.as_deref(), CURSOR_MESSAGE)?;
    if cursor.is_some_and(|cursor| cursor < 1) {
        return Err(Problem::on("cursor", CURSOR_MESSAGE));
    }
    let token_type: Option<TokenType> =
        parameter("token_type", page.token_type.as_deref(), "a token type is written like ai")?;
    let feature: Option<FeatureName> =
        parameter("feature", page.feature.as_deref(), "a feature is written like quest_generation")?;
    Ok(Filter {
        before_seq: cursor,
        token_type: token_type.map(|name| name.to_string()),
        feature: feature.map(|name| name.to_string()),
        member: member.map(|member| member.0),
        from: parameter("from", page.from.as_deref(), instant)?,
        until: parameter("to", page.to.as_deref(), instant)?,
    })
}

const CURSOR_MESSAGE: &str = "a cursor is the next_cursor of the page before";

impl EntryBody {
    fn new(entry: &Entry, hash: EntryHash) -> Self {
        let (caller, caller_id) = entry.caller.columns();
        let metadata = entry.metadata.as_ref().map(|metadata| metadata.as_str().to_owned());
        Self {
            seq: entry.seq,
            transaction_id: entry.transaction.0,
            kind: entry.kind.as_str(),
            token_type: entry.token_type.to_string(),
            amount: entry.amount(),
            held: entry.held_amount(),
            balance: BalanceAfter::new(&entry.token_type, &entry.after),
            feature: entry.feature.as_ref().map(ToString::to_string),
            caller,
            caller_id,
            member: entry.member.map(|member| member.0),
            hold_id: entry.hold.map(|hold| hold.0),
            reverses: entry.reverses.map(|id| id.0),
            note: entry.note.clone(),
            metadata: metadata.and_then(|text| serde_json::value::RawValue::from_string(text).ok()),
            created_at: entry.at,
            hash: hex::encode(hash.0),
        }
    }
}
