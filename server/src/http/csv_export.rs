//! `/activity.csv`: the log as a file, streamed in pages, so that a million rows take no more memory than one page.

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
    storage::{
        Result, StorageError,
        entries::{self, Filter},
        tenant,
    },
};

/// How many entries are read at once.
const PAGE_SIZE: i64 = 1_000;

/// The filter as the address has it.
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

/// The entries that `filter` lets through, as a file.
///
/// # Errors
/// [`StorageError`], before anything is sent.
pub(super) async fn answer(state: &AppState, org: OrgId, filter: Filter) -> Result<Response> {
    let mut tx = tenant::begin(&state.pool, org).await?;
    let names = Names::load(&mut tx, org).await?;
    drop(tx);
    let headers =
        [(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, "attachment; filename=\"activity.csv\"")];
    Ok((headers, Body::from_stream(rows(state.pool.clone(), org, filter, names))).into_response())
}

/// Pages of CSV, newest entry first, the header before the first.
fn rows(pool: PgPool, org: OrgId, filter: Filter, names: Names) -> impl Stream<Item = Result<Bytes>> {
    stream::try_unfold(Some((filter, true)), move |next| {
        let (pool, names) = (pool.clone(), names.clone());
        async move {
            let Some((mut filter, first)) = next else { return Ok(None) };
            let mut tx = tenant::begin(&pool, org).await?;
            let page = entries::list(&mut tx, org, &filter, PAGE_SIZE).await?;
            let more = i64::try_from(page.len()).is_ok_and(|found| found == PAGE_SIZE);
            filter.before_seq = page.last().map(|(entry, _)| entry.seq);
            let text = write(&page.iter().map(|(entry, _)| entry).collect::<Vec<_>>(), &names, first)?;
            Ok(Some((text, more.then_some((filter, false)))))
        }
    })
}

fn write(page: &[&Entry], names: &Names, header: bool) -> Result<Bytes> {
    let broken = |error: csv::Error| StorageError::Corrupt(format!("an entry that CSV cannot hold: {error}"));
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
        .map_err(broken)?;
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
            plain(names.caller(&entry.caller)),
            plain(entry.note.clone().unwrap_or_default()),
            entry.transaction.to_string(),
        ])
        .map_err(broken)?;
    }
    let bytes = csv.into_inner().map_err(|error| broken(error.into_error().into()))?;
    Ok(bytes.into())
}

/// Text that people wrote must not be a formula where the file is opened.
pub(super) fn plain(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}
