//! `GET /tokens/stats`: usage statistics, from the daily rollups.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use brightmeter::{
    time::{Instant, RequestedDay, RequestedInstant},
    time_zone::TimeZone,
};
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    authorize::ApiCaller,
    extract::{Query, parameter},
    responses::{QueryError, ReadErrors},
};
use crate::{
    http::{problem::Problem, state::AppState},
    service::account_reader::{Group, Sum},
};

/// The longest span of one request, in days.
const MAX_DAYS: i64 = 366;
/// The span of a request without `from`, in days.
const DEFAULT_DAYS: u64 = 30;

/// The query parameters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StatsQuery {
    /// The first day, as a date in the organization's time zone or an instant. Default: 29 days before the last day.
    #[param(value_type = Option<NaiveDate>, example = "2026-11-01")]
    from: Option<String>,
    /// The last day, as a date in the organization's time zone or an instant. Default: today. The span is at most 366 days.
    #[param(value_type = Option<NaiveDate>, example = "2026-11-30")]
    to: Option<String>,
    /// The grouping of the series. Default: `day`.
    #[param(value_type = Option<GroupBy>)]
    group_by: Option<String>,
}

/// The grouping of a series.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the OpenAPI document only uses the shape of this type")]
pub(super) enum GroupBy {
    Day,
    Feature,
    Member,
}

/// Usage statistics.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Stats {
    /// The time zone of the organization, which its days are in: a name of the IANA database.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// The first day.
    from: NaiveDate,
    /// The last day.
    to: NaiveDate,
    /// The grouping of the series.
    #[schema(example = "day")]
    group_by: &'static str,
    /// The sums over all days, by token type.
    totals: Vec<Figure>,
    /// The sums by day, feature or member, and by token type. Days without use are included.
    series: Vec<Point>,
}

/// The usage of one token type. A refund is subtracted on the day of the refund.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Figure {
    /// The token type.
    #[schema(example = "ai")]
    token_type: String,
    /// The number of uses.
    #[schema(example = 12)]
    uses: i64,
    /// The number of tokens.
    #[schema(example = 60)]
    tokens: i64,
}

/// The usage of one day, feature or member.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Point {
    /// The day (`2026-11-23`), the feature's name, or the member's id. `null` for use without a member.
    #[schema(example = "2026-11-23")]
    key: Option<String>,
    #[serde(flatten)]
    figure: Figure,
}

/// Usage statistics
///
/// Returns totals, and a series by day, feature or member. Days are those of the organization's time zone. The numbers of
/// a day always equal its ledger entries.
#[utoipa::path(
    get, path = "/tokens/stats", tag = "Reports", operation_id = "stats", params(StatsQuery),
    responses((status = 200, body = Stats, description = "The usage statistics."), ReadErrors, QueryError),
)]
pub(super) async fn stats(
    State(state): State<AppState>,
    caller: ApiCaller,
    Query(query): Query<StatsQuery>,
) -> Result<Json<Stats>, Problem> {
    let time_zone = state.reader.time_zone(caller.org()).await?;
    let (from, to) = days(&query, time_zone, state.clock.now())?;
    let group = match query.group_by.as_deref().unwrap_or("day") {
        "day" => Group::Day,
        "feature" => Group::Feature,
        "member" => Group::Member,
        _ => return Err(Problem::on("group_by", "a series is grouped by day, feature or member")),
    };
    let sums = caller.usage_sums(&state, from, to, group).await?;
    let mut totals: BTreeMap<String, Figure> = BTreeMap::new();
    let mut series: Vec<Point> = Vec::with_capacity(sums.len());
    for Sum { key, token_type, uses, tokens } in sums {
        let total =
            totals.entry(token_type.clone()).or_insert(Figure { token_type: token_type.clone(), uses: 0, tokens: 0 });
        total.uses += uses;
        total.tokens += tokens;
        series.push(Point { key, figure: Figure { token_type, uses, tokens } });
    }
    if group == Group::Day {
        series = fill_days(from, to, totals.keys(), &series);
    }
    let time_zone = time_zone.to_string();
    Ok(Json(Stats { time_zone, from, to, group_by: group.as_str(), totals: totals.into_values().collect(), series }))
}

/// Returns the first and the last day.
fn days(query: &StatsQuery, time_zone: TimeZone, now: Instant) -> Result<(NaiveDate, NaiveDate), Problem> {
    let day = |name: &str, text: Option<&str>| {
        let message = "a day is a date such as 2026-11-23";
        match parameter::<RequestedDay>(name, text, message) {
            Err(_) => Ok(parameter::<RequestedInstant>(name, text, message)?.map(|at| time_zone.day(at.get()))),
            day => day.map(|day| day.map(RequestedDay::get)),
        }
    };
    let to = day("to", query.to.as_deref())?.unwrap_or_else(|| time_zone.day(now));
    let default = to.checked_sub_days(Days::new(DEFAULT_DAYS - 1)).unwrap_or(to);
    let from = day("from", query.from.as_deref())?.unwrap_or(default);
    match (to - from).num_days() {
        ..0 => Err(Problem::on("from", "the first day is after the last day")),
        MAX_DAYS.. => Err(Problem::on("from", "the span is at most 366 days")),
        _ => Ok((from, to)),
    }
}

/// Adds points without use to a series by day, so that it has one of every day and token type.
fn fill_days<'a>(
    from: NaiveDate,
    to: NaiveDate,
    token_types: impl Iterator<Item = &'a String> + Clone,
    series: &[Point],
) -> Vec<Point> {
    let known: BTreeMap<(&str, &str), &Figure> = series
        .iter()
        .map(|point| ((point.key.as_deref().unwrap_or_default(), point.figure.token_type.as_str()), &point.figure))
        .collect();
    let mut points = Vec::new();
    for day in from.iter_days().take_while(|day| *day <= to) {
        let key = day.to_string();
        for token_type in token_types.clone() {
            let figure = known.get(&(key.as_str(), token_type.as_str())).copied().cloned();
            let figure = figure.unwrap_or_else(|| Figure { token_type: token_type.clone(), uses: 0, tokens: 0 });
            points.push(Point { key: Some(key.clone()), figure });
        }
    }
    points
}
