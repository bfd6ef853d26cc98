//! `/activity.csv`: the ledger as a file. It is streamed page by page, so a million rows need no more memory than one
//! page.

use app::{backend::SignedIn, error::AppError, views::ActivityFilter};
use axum::{
    Extension,
    body::Body,
    extract::{Query, State},
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use brightmeter::{ids::OrgId, ledger::entry::Entry};
use bytes::Bytes;
use futures::{Stream, stream};
use serde::Deserialize;
use sqlx::PgPool;

use super::{AppState, pages::status};
use crate::{
    http::backend::{Names, csv_filter, internal},
    service::{
        Result, StorageError,
        org_reads::{Filter, OrgReads},
    },
};

/// The number of entries read per query.
const PAGE_SIZE: i64 = 1_000;

/// The filter in the query string.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Params {
    token_type: String,
    feature: String,
    member: String,
    from: String,
    to: String,
}

pub(super) async fn export(
    State(state): State<AppState>,
    Extension(who): Extension<SignedIn>,
    Query(params): Query<Params>,
) -> Response {
    let Params { token_type, feature, member, from, to } = params;
    let filter = ActivityFilter { token_type, feature, member, from, to, cursor: String::new() };
    match csv_filter(&filter, who.zone) {
        Ok(filter) => {
            let file = answer(&state, who.org, filter).await;
            file.unwrap_or_else(|error| status(&internal(&error)).into_response())
        }
        Err(fields) => status(&AppError::Invalid { fields }).into_response(),
    }
}

/// Responds with the entries that match `filter`.
///
/// # Errors
/// [`StorageError`], before anything is sent.
pub(super) async fn answer(state: &AppState, org: OrgId, filter: Filter) -> Result<Response> {
    let names = Names::load(&mut OrgReads::begin(&state.pool, org).await?).await?;
    let headers =
        [(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, "attachment; filename=\"activity.csv\"")];
    Ok((headers, Body::from_stream(rows(state.pool.clone(), org, filter, names))).into_response())
}

/// Streams pages of CSV, the newest entry first. The first page starts with the header.
fn rows(pool: PgPool, org: OrgId, filter: Filter, names: Names) -> impl Stream<Item = Result<Bytes>> {
    stream::try_unfold(Some((filter, true)), move |next| {
        let (pool, names) = (pool.clone(), names.clone());
        async move {
            let Some((mut filter, first)) = next else { return Ok(None) };
            let page = OrgReads::begin(&pool, org).await?.entries(&filter, PAGE_SIZE).await?;
            let more = i64::try_from(page.len()).is_ok_and(|found| found == PAGE_SIZE);
            filter.before_seq = page.last().map(|(entry, _)| entry.seq);
            let text = write(&page.iter().map(|(entry, _)| entry).collect::<Vec<_>>(), &names, first)?;
            Ok(Some((text, more.then_some((filter, false)))))
        }
    })
}

fn write(page: &[&Entry], names: &Names, header: bool) -> Result<Bytes> {
    let corrupt = |error: csv::Error| StorageError::Corrupt(format!("an entry can't be written as CSV: {error}"));
    let mut csv = csv::Writer::from_writer(Vec::new());
    if header {
        csv.write_record([
            "seq",
            "time_utc",
            "kind",
            "token_type",
            "amount",
            "held",
            "settled_after",
            "available_after",
            "feature",
            "who",
            "note",
            "transaction_id",
        ])
        .map_err(corrupt)?;
    }
    for entry in page {
        csv.write_record([
            entry.seq.to_string(),
            entry.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
            entry.kind.as_str().into(),
            entry.token_type.to_string(),
            entry.amount().to_string(),
            entry.held_amount().to_string(),
            entry.after.settled.get().to_string(),
            entry.after.available().get().to_string(),
            entry.feature.as_ref().map(ToString::to_string).unwrap_or_default(),
            escape_formula(names.caller(&entry.caller)),
            escape_formula(entry.note.clone().unwrap_or_default()),
            entry.transaction.to_string(),
        ])
        .map_err(corrupt)?;
    }
    let bytes = csv.into_inner().map_err(|error| corrupt(error.into_error().into()))?;
    Ok(bytes.into())
}

/// Escapes text entered by users, so that a spreadsheet doesn't run it as a formula.
pub(super) fn escape_formula(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}
