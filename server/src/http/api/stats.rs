//! `GET /tokens/stats`: what was used, from the figures that are kept by day.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    answers::{Queried, Reads},
    extract::{Query, parameter},
    gate::Who,
    problem::Problem,
};
use crate::{
    http::AppState,
    storage::{daily, daily::Group},
};

/// How many days one answer spans at most.
const MAX_DAYS: i64 = 366;
/// How many it spans if nobody says.
const DEFAULT_DAYS: u64 = 30;

/// Which days, and by what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Span {
    /// The first day, in UTC: a date, or an instant of that day. 29 days before the last if not said.
    #[param(value_type = Option<NaiveDate>, example = "2026-11-01")]
    from: Option<String>,
    /// The last day; today if not said. At most 366 days in all.
    #[param(value_type = Option<NaiveDate>, example = "2026-11-30")]
    to: Option<String>,
    /// What the series is of; `day` if not said.
    #[param(value_type = Option<GroupBy>)]
    group_by: Option<String>,
}

/// What a series is of.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its shape is read, by the document")]
pub(super) enum GroupBy {
    Day,
    Feature,
    Member,
}

/// What was used.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Stats {
    /// The first day, in UTC.
    from: NaiveDate,
    /// The last day, in UTC.
    to: NaiveDate,
    /// What the series is of.
    #[schema(example = "day")]
    group_by: &'static str,
    /// In all those days, by token type.
    totals: Vec<Figure>,
    /// By day, feature or member, and token type; every day is there, also one without use.
    series: Vec<Point>,
}

/// Uses and tokens of one token type. Refunds are taken off the day they were made on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Figure {
    /// The kind of tokens.
    #[schema(example = "ai")]
    token_type: String,
    /// How many uses.
    #[schema(example = 12)]
    uses: i64,
    /// How many tokens.
    #[schema(example = 60)]
    tokens: i64,
}

/// A figure of one day, feature or member.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Point {
    /// The day (`2026-11-23`), the feature's name or the member's id; null where no member is concerned.
    #[schema(example = "2026-11-23")]
    key: Option<String>,
    #[serde(flatten)]
    figure: Figure,
}

/// Usage figures
///
/// Totals and a series by day, feature or member. A day's figure always equals its entries in the ledger.
#[utoipa::path(
    get, path = "/tokens/stats", tag = "Reports", operation_id = "stats", params(Span),
    responses((status = 200, body = Stats, description = "What was used."), Reads, Queried),
)]
pub(super) async fn stats(
    State(state): State<AppState>,
    who: Who,
    Query(span): Query<Span>,
) -> Result<Json<Stats>, Problem> {
    let (from, to) = days(&span, state.clock.now().date_naive())?;
    let group = match span.group_by.as_deref().unwrap_or("day") {
        "day" => Group::Day,
        "feature" => Group::Feature,
        "member" => Group::Member,
        _ => return Err(Problem::on("group_by", "the series is by day, feature or member")),
    };
    let found = who.sums(&state, from, to, group).await?;
    let mut totals: BTreeMap<String, Figure> = BTreeMap::new();
    let mut series: Vec<Point> = Vec::with_capacity(found.len());
    for daily::Sum { key, token_type, uses, tokens } in found {
        let total =
            totals.entry(token_type.clone()).or_insert(Figure { token_type: token_type.clone(), uses: 0, tokens: 0 });
        total.uses += uses;
        total.tokens += tokens;
        series.push(Point { key, figure: Figure { token_type, uses, tokens } });
    }
    if group == Group::Day {
        series = every_day(from, to, totals.keys(), &series);
    }
    Ok(Json(Stats { from, to, group_by: group.as_str(), totals: totals.into_values().collect(), series }))
}

fn days(span: &Span, today: NaiveDate) -> Result<(NaiveDate, NaiveDate), Problem> {
    let day = |name: &str, text: Option<&str>| {
        let wanted = "write a day as 2026-11-23";
        match parameter::<NaiveDate>(name, text, wanted) {
            Err(_) => Ok(parameter::<DateTime<Utc>>(name, text, wanted)?.map(|at| at.date_naive())),
            found => found,
        }
    };
    let to = day("to", span.to.as_deref())?.unwrap_or(today);
    let usual = to.checked_sub_days(Days::new(DEFAULT_DAYS - 1)).unwrap_or(to);
    let from = day("from", span.from.as_deref())?.unwrap_or(usual);
    match (to - from).num_days() {
        ..0 => Err(Problem::on("from", "the first day comes after the last")),
        MAX_DAYS.. => Err(Problem::on("from", "ask for at most 366 days at once")),
        _ => Ok((from, to)),
    }
}

fn every_day<'a>(
    from: NaiveDate,
    to: NaiveDate,
    types: impl Iterator<Item = &'a String> + Clone,
    found: &[Point],
) -> Vec<Point> {
    let known: BTreeMap<(&str, &str), &Figure> = found
        .iter()
        .map(|point| ((point.key.as_deref().unwrap_or_default(), point.figure.token_type.as_str()), &point.figure))
        .collect();
    let mut points = Vec::new();
    for day in from.iter_days().take_while(|day| *day <= to) {
        let key = day.to_string();
        for token_type in types.clone() {
            let figure = known.get(&(key.as_str(), token_type.as_str())).copied().cloned();
            let figure = figure.unwrap_or_else(|| Figure { token_type: token_type.clone(), uses: 0, tokens: 0 });
            points.push(Point { key: Some(key.clone()), figure });
        }
    }
    points
}
