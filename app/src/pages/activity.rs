//! `/activity`: the ledger entries, with a filter.

use axum::http::StatusCode;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::{
    components::{Entries, Field, Frame, Section, described_by, load},
    views::{ActivityFilter, ActivityView, Viewer},
};

/// The ledger entries with their filter.
#[component]
pub fn ActivityPage() -> impl IntoView {
    let filter = use_query_map().with_untracked(filter_of);
    // Read now: after an await the context may be missing.
    let response = use_context::<ResponseOptions>();
    load(
        |backend, who| async move { backend.activity(&who, filter).await },
        move |viewer, view| {
            if let Some(response) = response.filter(|_| !view.problems.is_empty()) {
                response.set_status(StatusCode::UNPROCESSABLE_ENTITY);
            }
            view! { <Activity viewer view /> }.into_any()
        },
    )
}

#[component]
fn Activity(viewer: Viewer, view: ActivityView) -> impl IntoView {
    let ActivityView { filter, problems, entries, next_cursor, token_types, features, members } = view;
    let csv = format!("/activity.csv{}", query(&filter, None));
    let newest = (!filter.cursor.is_empty()).then(|| format!("/activity{}", query(&filter, None)));
    let older = next_cursor.map(|cursor| format!("/activity{}", query(&filter, Some(cursor))));
    let list = match (entries.is_empty(), problems.is_empty()) {
        (_, false) => view! { <p class="empty">"Fix the filter to see results."</p> }.into_any(),
        (true, true) if filter == ActivityFilter::default() => view! {
            <div class="empty">
                <p class="font-medium text-ink">"No activity yet"</p>
                <p class="mt-1">"Every token movement appears here. Entries can't be changed."</p>
            </div>
        }
        .into_any(),
        (true, true) => view! {
            <div class="empty">
                <p class="font-medium text-ink">"No matching entries"</p>
                <p class="mt-1">
                    <a class="link" href="/activity">
                        "Show all activity"
                    </a>
                </p>
            </div>
        }
        .into_any(),
        (false, true) => view! { <Entries entries caption="Entries, newest first" /> }.into_any(),
    };
    view! {
        <Frame viewer section=Section::Activity title="Activity">
            <div class="flex flex-wrap items-end justify-between gap-3">
                <div>
                    <h1 class="text-3xl font-semibold tracking-tight">"Activity"</h1>
                    <p class="mt-1 text-muted">"Every token movement, newest first."</p>
                </div>
                <a class="btn btn-quiet" href=csv download="">
                    "Download CSV"
                </a>
            </div>
            <Filter filter problems token_types features members />
            <div class="mt-8">{list}</div>
            <p class="mt-6 flex flex-wrap gap-3">
                {newest.map(|address| view! { <a class="btn btn-quiet" href=address>"Newest entries"</a> })}
                {older.map(|address| view! { <a class="btn btn-quiet" href=address>"Older entries"</a> })}
            </p>
        </Frame>
    }
}

#[component]
fn Filter(
    filter: ActivityFilter,
    problems: Vec<(String, String)>,
    token_types: Vec<(String, String)>,
    features: Vec<(String, String)>,
    members: Vec<(String, String)>,
) -> impl IntoView {
    let problem = |name: &str| problems.iter().find(|(field, _)| field == name).map(|(_, message)| message.clone());
    view! {
        <form method="get" action="/activity" class="card mt-6" aria-label="Filter">
            <div class="grid gap-4 sm:grid-cols-2 lg:grid-cols-5">
                <Choice name="token_type" label="Token type" all="All types" chosen=filter.token_type choices=token_types problem=problem("token_type") />
                <Choice name="feature" label="Feature" all="All features" chosen=filter.feature choices=features problem=problem("feature") />
                <Choice name="member" label="Member" all="All members" chosen=filter.member choices=members problem=problem("member") />
                <Day name="from" label="From" value=filter.from problem=problem("from") />
                <Day name="to" label="To" value=filter.to problem=problem("to") />
            </div>
            {problem("cursor").map(|problem| view! { <p class="problem mt-3">{problem}</p> })}
            <div class="mt-4 flex flex-wrap items-center gap-3">
                <button type="submit" class="btn">
                    "Apply"
                </button>
                <a class="link" href="/activity">
                    "Clear"
                </a>
                <p id="days-hint" class="text-sm text-muted">
                    "Dates use your organization's time zone, inclusive."
                </p>
            </div>
        </form>
    }
}

#[component]
fn Choice(
    name: &'static str,
    label: &'static str,
    all: &'static str,
    chosen: String,
    choices: Vec<(String, String)>,
    problem: Option<String>,
) -> impl IntoView {
    let invalid = problem.is_some();
    let options = choices.into_iter().map(|(value, label)| {
        let selected = value == chosen;
        view! {
            <option value=value selected=selected>
                {label}
            </option>
        }
    });
    let options = options.collect_view();
    view! {
        <Field name label problem>
            <select
                id=name
                name=name
                class="control"
                aria-describedby=described_by(name, false, invalid)
                aria-invalid=invalid.then_some("true")
            >
                <option value="">{all}</option>
                {options}
            </select>
        </Field>
    }
}

#[component]
fn Day(name: &'static str, label: &'static str, value: String, problem: Option<String>) -> impl IntoView {
    let invalid = problem.is_some();
    let described = if invalid { format!("days-hint {name}-error") } else { "days-hint".into() };
    // A date field can't show an invalid date, so an invalid value comes back in a text field.
    let kind = if value.is_empty() || value.parse::<chrono::NaiveDate>().is_ok() { "date" } else { "text" };
    view! {
        <Field name label problem>
            <input
                id=name
                name=name
                type=kind
                class="control"
                value=value
                aria-describedby=described
                aria-invalid=invalid.then_some("true")
            />
        </Field>
    }
}

fn filter_of(query: &ParamsMap) -> ActivityFilter {
    let value = |name: &str| query.get(name).unwrap_or_default();
    ActivityFilter {
        token_type: value("token_type"),
        feature: value("feature"),
        member: value("member"),
        from: value("from"),
        to: value("to"),
        cursor: value("cursor"),
    }
}

/// Returns the filter as a query string, for the page that starts at `cursor`.
fn query(filter: &ActivityFilter, cursor: Option<i64>) -> String {
    let ActivityFilter { token_type, feature, member, from, to, cursor: _ } = filter;
    let cursor = cursor.map(|cursor| cursor.to_string()).unwrap_or_default();
    let fields = [
        ("token_type", token_type),
        ("feature", feature),
        ("member", member),
        ("from", from),
        ("to", to),
        ("cursor", &cursor),
    ];
    let given = fields.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| (name, value.clone())).collect::<ParamsMap>().to_query_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_string_contains_only_the_fields_that_are_set() {
        let filter = ActivityFilter { feature: "forecast".into(), to: "2026".into(), ..Default::default() };
        assert_eq!(query(&filter, Some(41)), "?feature=forecast&to=2026&cursor=41");
        assert_eq!(query(&ActivityFilter::default(), None), "");
        let odd = ActivityFilter { member: "a&b=ü".into(), ..Default::default() };
        assert_eq!(query(&odd, None), "?member=a%26b%3D%C3%BC");
    }
}
