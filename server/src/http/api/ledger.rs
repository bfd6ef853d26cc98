//! `GET /tokens/ledger`: the ledger entries, in pages or as a CSV file.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, header::ACCEPT},
    response::{IntoResponse, Response},
};
use brightmeter::{
    ids::MemberId,
    ledger::entry::{Entry, EntryHash},
    names::{FeatureName, TokenType},
    time::{Instant, RequestedInstant},
};
use headers_accept::Accept;
use mediatype::{
    MediaType,
    names::{APPLICATION, CHARSET, CSV, JSON, TEXT},
    values::UTF_8,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    authorize::ApiCaller,
    bodies::BalanceAfter,
    extract::{Query, member_parameter, parameter},
    responses::{QueryError, ReadErrors},
};
use crate::{
    http::{csv_export, csv_file::Reader, problem::Problem, state::AppState},
    service::org_reads::Filter,
};

/// The number of entries of a page without `limit`.
const DEFAULT_LIMIT: i64 = 50;
/// The largest number of entries of a page.
const MAX_LIMIT: i64 = 200;

const LIMIT_MESSAGE: &str = "a page has 1 to 200 entries";
const CURSOR_MESSAGE: &str = "a cursor is the next_cursor of the previous page";

/// The query parameters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LedgerQuery {
    /// The `next_cursor` of the previous page.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    cursor: Option<String>,
    /// The number of entries. Default: 50.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, example = 50)]
    limit: Option<String>,
    /// Only entries of this token type.
    #[param(value_type = Option<String>, min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_-]*$", example = "ai")]
    token_type: Option<String>,
    /// Only entries of this feature.
    #[param(value_type = Option<String>, min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_-]*$", example = "quest_generation")]
    feature: Option<String>,
    /// Only entries by or for the member with this id.
    #[param(value_type = Option<uuid::Uuid>)]
    member: Option<String>,
    /// Only entries at or after this instant.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-01T00:00:00Z")]
    from: Option<String>,
    /// Only entries before this instant.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-12-01T00:00:00Z")]
    to: Option<String>,
}

/// A page of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ledger {
    /// The entries, newest first.
    items: Vec<EntryBody>,
    /// The cursor of the next page. `null` on the last page.
    next_cursor: Option<String>,
}

/// A ledger entry. Entries never change.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryBody {
    /// The entry's number: 1, 2, 3, … without gaps.
    #[schema(minimum = 1, example = 42)]
    seq: i64,
    /// The id of the transaction that appended it.
    transaction_id: uuid::Uuid,
    /// The kind of entry: `granted`, `expired`, `spent`, `held`, `captured`, `released`, `hold_expired`, `refunded`,
    /// `adjusted` or `plan_changed`.
    #[schema(example = "spent")]
    kind: &'static str,
    /// The token type.
    #[schema(example = "ai")]
    token_type: String,
    /// The signed change of the settled balance.
    #[schema(example = -5)]
    amount: i64,
    /// The signed change of the held tokens.
    #[schema(example = 0)]
    held: i64,
    /// The balance after the entry.
    balance: BalanceAfter,
    /// The feature, if the entry is about the use of one.
    feature: Option<String>,
    /// The kind of caller: `member`, `key` (an API key), `staff` or `system`.
    #[schema(example = "key")]
    caller: &'static str,
    /// The id of the member, API key or staff user. `null` for `system`.
    caller_id: Option<uuid::Uuid>,
    /// The id of the member whose use it is, if any.
    member: Option<uuid::Uuid>,
    /// The id of the hold that it opened or ended, if any.
    hold_id: Option<uuid::Uuid>,
    /// The id of the transaction that it reverses, if any.
    reverses: Option<uuid::Uuid>,
    /// The reason, if one was given.
    note: Option<String>,
    /// The caller's metadata, if any.
    #[schema(value_type = Option<BTreeMap<String, serde_json::Value>>)]
    metadata: Option<Box<serde_json::value::RawValue>>,
    /// When the entry was appended.
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    /// The entry's SHA-256 hash, which covers the previous entry.
    hash: String,
}

/// The ledger
///
/// Returns the ledger's entries, newest first. Paging is stable while entries are appended. With `Accept: text/csv`,
/// streams all entries as a file.
#[utoipa::path(
    get, path = "/tokens/ledger", tag = "Reports", operation_id = "ledger", params(LedgerQuery),
    responses(
        (status = 200, description = "A page of entries, or all of them as CSV.", content((Ledger = "application/json"), (String = "text/csv"))),
        ReadErrors,
        QueryError,
    ),
)]
pub(super) async fn ledger(
    State(state): State<AppState>,
    caller: ApiCaller,
    headers: HeaderMap,
    Query(query): Query<LedgerQuery>,
) -> Result<Response, Problem> {
    let limit = parameter::<i64>("limit", query.limit.as_deref(), LIMIT_MESSAGE)?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::on("limit", LIMIT_MESSAGE));
    }
    let filter = filter(&query)?;
    let mut reads = caller.begin_read(&state).await?;
    if prefers_csv(&headers) {
        drop(reads);
        return Ok(csv_export::answer(&state, caller.org(), filter, Reader::Program).await?);
    }
    let mut found = reads.entries(&filter, limit + 1).await?;
    let more = i64::try_from(found.len()).is_ok_and(|found| found > limit);
    found.truncate(usize::try_from(limit).unwrap_or_default());
    let next_cursor = found.last().filter(|_| more).map(|(entry, _)| entry.seq.to_string());
    let items = found.iter().map(|(entry, hash)| EntryBody::new(entry, *hash)).collect();
    Ok(Json(Ledger { items, next_cursor }).into_response())
}

/// Whether the client prefers CSV to JSON. Without a preference, or with none that can be met, it gets JSON.
pub(super) fn prefers_csv(headers: &HeaderMap) -> bool {
    // Our preference decides between equals, so JSON comes first.
    static FORMATS: [MediaType<'_>; 2] = [MediaType::new(APPLICATION, JSON), MediaType::new(TEXT, CSV)];
    static CSV_IN_UTF8: [MediaType<'_>; 1] = [MediaType::from_parts(TEXT, CSV, None, &[(CHARSET, UTF_8)])];
    let ranges: Vec<&str> =
        headers.get_all(ACCEPT).iter().filter_map(|value| HeaderValue::to_str(value).ok()).collect();
    // Types and charsets have no case, but Accept compares charsets with theirs: as `UTF-8`.
    let Ok(accept) = ranges.join(",").to_ascii_uppercase().parse::<Accept>() else { return false };
    let chosen = accept.negotiate(&FORMATS).or_else(|| accept.negotiate(&CSV_IN_UTF8));
    chosen.is_some_and(|format| format.subty == CSV)
}

/// Parses the filter of the entries.
///
/// # Errors
/// [`Problem::Invalid`] with the first invalid parameter.
pub(super) fn filter(query: &LedgerQuery) -> Result<Filter, Problem> {
    let instant = |name: &str, text: Option<&str>| {
        parameter::<RequestedInstant>(name, text, "an instant is a UTC time such as 2026-11-23T08:30:00Z")
            .map(|instant| instant.map(RequestedInstant::get))
    };
    let member: Option<MemberId> = member_parameter(query.member.as_deref())?;
    let cursor = parameter::<i64>("cursor", query.cursor.as_deref(), CURSOR_MESSAGE)?;
    if cursor.is_some_and(|cursor| cursor < 1) {
        return Err(Problem::on("cursor", CURSOR_MESSAGE));
    }
    let token_type: Option<TokenType> =
        parameter("token_type", query.token_type.as_deref(), "a token type is a name such as ai")?;
    let feature: Option<FeatureName> =
        parameter("feature", query.feature.as_deref(), "a feature is a name such as quest_generation")?;
    Ok(Filter {
        before_seq: cursor,
        token_type,
        feature,
        member: member.map(|member| member.0),
        from: instant("from", query.from.as_deref())?,
        until: instant("to", query.to.as_deref())?,
    })
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &[&str], csv: bool) {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(prefers_csv(&headers), csv, "{accept:?}");
    }

    #[test]
    fn csv_is_sent_to_clients_that_prefer_it() {
        check(&["text/csv"], true);
        check(&["text/csv, application/json;q=0.9"], true);
        check(&["application/json;q=0.5", "text/csv;q=0.8"], true);
        check(&["text/csv, */*;q=0.1"], true);
        check(&["text/*"], true);
        check(&["TEXT/CSV"], true);
        check(&["text/csv;charset=utf-8"], true);
    }

    #[test]
    fn json_is_sent_to_all_others() {
        check(&[], false);
        check(&["*/*"], false);
        check(&["application/json, text/csv;q=0"], false);
        check(&["text/csv;q=0"], false);
        check(&["text/csv;q=0.000, */*"], false);
        check(&["application/json, text/csv;q=0.9"], false);
        check(&["text/csv;q=0.2, application/*;q=0.3"], false);
        check(&["image/png"], false);
        check(&["text/csv2"], false);
        check(&["garbage;;"], false);
    }
}
