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
use brightmeter::{ids::OrgId, ledger::entry::Entry, names::FeatureName};
use bytes::Bytes;
use futures::{Stream, stream};
use serde::Deserialize;
use sqlx::PgPool;

use super::{
    AppState,
    csv_file::{Reader, Rows},
    pages::status,
};
use crate::{
    http::backend::{Names, csv_filter, internal},
    service::{
        Result,
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
            let file = answer(&state, who.org, filter, Reader::Spreadsheet).await;
            file.unwrap_or_else(|error| status(&internal(&error)).into_response())
        }
        Err(fields) => status(&AppError::Invalid { fields }).into_response(),
    }
}

/// Responds with the entries that match `filter`.
///
/// # Errors
/// [`StorageError`], before anything is sent.
pub(super) async fn answer(state: &AppState, org: OrgId, filter: Filter, reader: Reader) -> Result<Response> {
    let names = Names::load(&mut OrgReads::begin(&state.pool, org).await?).await?;
    let headers =
        [(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, "attachment; filename=\"activity.csv\"")];
    Ok((headers, Body::from_stream(rows(state.pool.clone(), org, (filter, reader), names))).into_response())
}

/// Streams pages of CSV, the newest entry first. The first page starts with the header.
fn rows(
    pool: PgPool,
    org: OrgId,
    (filter, reader): (Filter, Reader),
    names: Names,
) -> impl Stream<Item = Result<Bytes>> {
    stream::try_unfold(Some((filter, Some(reader))), move |next| {
        let (pool, names) = (pool.clone(), names.clone());
        async move {
            let Some((mut filter, start_for)) = next else { return Ok(None) };
            let page = OrgReads::begin(&pool, org).await?.entries(&filter, PAGE_SIZE).await?;
            let more = i64::try_from(page.len()).is_ok_and(|found| found == PAGE_SIZE);
            filter.before_seq = page.last().map(|(entry, _)| entry.seq);
            let text = write(&page.iter().map(|(entry, _)| entry).collect::<Vec<_>>(), &names, start_for)?;
            Ok(Some((text, more.then_some((filter, None)))))
        }
    })
}

/// The names of the columns.
const COLUMNS: [&str; 12] = [
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
];

/// Writes entries, after the column names if the file starts with them.
fn write(page: &[&Entry], names: &Names, start_for: Option<Reader>) -> Result<Bytes> {
    let mut rows = start_for.map_or_else(|| Ok(Rows::go_on()), |reader| Rows::start(COLUMNS, reader))?;
    for entry in page {
        rows.push([
            entry.seq.into(),
            entry.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true).into(),
            entry.kind.as_str().into(),
            entry.token_type.as_str().into(),
            entry.amount().into(),
            entry.held_amount().into(),
            entry.after.settled.get().into(),
            entry.after.available().get().into(),
            entry.feature.as_ref().map_or("", FeatureName::as_str).into(),
            names.caller(&entry.caller).into(),
            entry.note.as_deref().unwrap_or_default().into(),
            entry.transaction.to_string().into(),
        ])?;
    }
    Ok(rows.finish()?.into())
}
