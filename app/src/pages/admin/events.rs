//! `/admin/events`: Stripe events by state, with a filter.

use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use super::{count_text, need_attention};
use crate::{
    backend::StaffMember,
    components::{AdminFrame, AdminSection, Confirm, Field, Time, load_staff},
    views::admin::{EventStateView, EventView, EventsFilter, EventsView},
};

/// A page of the events in one state.
#[component]
pub fn EventsPage() -> impl IntoView {
    let filter = use_query_map().with_untracked(filter_of);
    load_staff(
        |backend, staff| async move { backend.stripe_events(&staff, filter).await },
        |staff, view| view! { <Events staff view /> }.into_any(),
    )
}

#[component]
fn Events(staff: StaffMember, view: EventsView) -> impl IntoView {
    let EventsView { filter, notes, states, events, newer, older } = view;
    let narrowed = !filter.kind.is_empty() || !filter.stripe_id.is_empty();
    let chosen = states.iter().find(|state| state.chosen);
    let (label, about) = chosen.map(|state| (state.label, state.about)).unzip();
    let answer = match narrowed {
        true => chosen.map(|state| matching(state.count, state.more)),
        false => states.first().map(|state| need_attention(state.count, state.more)),
    };
    let title = format!("{} · Events", label.unwrap_or_default());
    let list = match events.is_empty() {
        true => view! { <Empty narrowed state=filter.state.clone() /> }.into_any(),
        false => {
            let filter = filter.clone();
            let items = events.into_iter().enumerate().map(move |(index, event)| {
                view! { <Event event id=format!("replay-{index}") replay=format!("/admin/events/replay{}", query(&filter)) /> }
            });
            view! { <ul class="mt-4 grid gap-3">{items.collect_view()}</ul> }.into_any()
        }
    };
    let link = |filter: Option<EventsFilter>, label| {
        filter.map(|filter| {
            view! {
                <a class="btn btn-quiet" href=address(&filter)>
                    {label}
                </a>
            }
        })
    };
    let (newer, older) = (link(newer, "Newer"), link(older, "Older"));
    let pages = (newer.is_some() || older.is_some()).then(|| {
        view! {
            <nav class="mt-6 flex flex-wrap gap-3" aria-label="Pages">
                {newer}
                {older}
            </nav>
        }
    });
    let notes = (!notes.is_empty()).then(|| {
        let notes = notes.into_iter().map(|note| view! { <li class="wrap-anywhere">{note}</li> });
        view! {
            <div role="status" class="notice notice-warn mt-6">
                <ul>{notes.collect_view()}</ul>
            </div>
        }
    });
    view! {
        <AdminFrame staff section=AdminSection::Events title>
            <h1 class="eyebrow">"Events"</h1>
            <p class="answer">{answer}</p>
            <p class="mt-3 max-w-2xl text-muted">
                "Stripe reports payments, refunds, disputes and invoices as events. Processing an event twice changes nothing, so a replay is safe."
            </p>
            {notes}
            <States states filter=filter.clone() />
            <Filter filter narrowed />
            <section class="mt-10" aria-labelledby="list">
                <h2 id="list" class="text-2xl font-semibold tracking-tight">
                    {label}
                </h2>
                <p class="mt-1 max-w-2xl text-muted">{about}</p>
                {list}
                {pages}
            </section>
        </AdminFrame>
    }
}

/// Links to the states, with the number of events that pass the rest of the filter.
#[component]
fn States(states: Vec<EventStateView>, filter: EventsFilter) -> impl IntoView {
    let items = states.into_iter().map(|state| {
        let EventStateView { name, label, count, more, chosen, about: _ } = state;
        let filter = EventsFilter { state: name.into(), ..filter.clone() };
        view! {
            <li>
                <a class="nav-link" href=address(&filter) aria-current=chosen.then_some("page")>
                    {label} " " <span class="tag text-ink">{count_text(count, more)}</span>
                </a>
            </li>
        }
    });
    view! {
        <nav class="mt-8" aria-label="State">
            <ul class="-mx-3 flex flex-wrap gap-1">{items.collect_view()}</ul>
        </nav>
    }
}

#[component]
fn Filter(filter: EventsFilter, narrowed: bool) -> impl IntoView {
    let EventsFilter { state, kind, stripe_id, .. } = filter;
    let all = EventsFilter { state: state.clone(), ..EventsFilter::default() };
    let state = (!state.is_empty()).then(|| view! { <input type="hidden" name="state" value=state /> });
    let clear = narrowed.then(|| {
        view! {
            <a class="link" href=address(&all)>
                "Clear"
            </a>
        }
    });
    view! {
        <form method="get" action="/admin/events" role="search" class="card mt-4" aria-label="Filter events">
            {state}
            <div class="grid gap-4 sm:grid-cols-2 sm:items-end">
                <Field name="type" label="Event type" hint="Its start is enough, such as invoice." problem=None>
                    <input id="type" name="type" class="control" maxlength="100" value=kind aria-describedby="type-hint" autocomplete="off" />
                </Field>
                <Field
                    name="q"
                    label="Stripe id"
                    hint="Of the event, or of a customer, subscription, invoice or payment in it."
                    problem=None
                >
                    <input
                        id="q"
                        name="q"
                        type="search"
                        class="control"
                        maxlength="255"
                        value=stripe_id
                        aria-describedby="q-hint"
                        autocomplete="off"
                    />
                </Field>
            </div>
            <div class="mt-4 flex flex-wrap items-center gap-3">
                <button type="submit" class="btn">
                    "Apply"
                </button>
                {clear}
            </div>
        </form>
    }
}

#[component]
fn Empty(narrowed: bool, state: String) -> impl IntoView {
    let (headline, text) = match (narrowed, state.as_str()) {
        (true, _) => ("No matching events", "Try another state, or clear the filter. A Stripe id must be complete."),
        (false, "") => (
            "Nothing needs attention",
            "Events that couldn't be processed within three days appear here. You can see the reason and replay them.",
        ),
        (false, "waiting") => {
            ("Nothing is waiting", "Events that refer to data we don't have yet wait here until it arrives.")
        }
        (false, _) => ("No events", "Events are kept for 90 days."),
    };
    view! {
        <div class="empty mt-4">
            <p class="font-medium text-ink">{headline}</p>
            <p class="mt-1">{text}</p>
        </div>
    }
}

#[component]
fn Event(
    event: EventView,
    /// The element id of its dialog.
    id: String,
    /// The URL that a replay is posted to.
    replay: String,
) -> impl IntoView {
    let EventView { id: name, kind, received_at, attempts, outcome, next_at, replayed_at, stripe_url, replay: effect } =
        event;
    let tries = match attempts {
        0 => "not tried yet".into(),
        1 => "tried once".into(),
        attempts => format!("tried {attempts} times"),
    };
    let link = stripe_url.map(|address| {
        view! {
            <p class="mt-2 text-sm">
                <a class="link" href=address rel="noreferrer">
                    "View in Stripe"
                </a>
            </p>
        }
    });
    let button = effect.map(|consequence| {
        view! {
            <div>
                <Confirm
                    id=id
                    button="Replay"
                    title="Replay this event?"
                    consequence
                    action=replay
                    confirm="Yes, replay it"
                    field=("id", name.clone())
                />
            </div>
        }
    });
    view! {
        <li class="card flex flex-wrap items-start justify-between gap-4">
            <div class="min-w-0">
                <h3 class="font-medium wrap-anywhere">{kind}</h3>
                <p class="mt-1 font-mono text-sm text-muted wrap-anywhere">{name}</p>
                {outcome.map(|outcome| view! { <p class="mt-2 wrap-anywhere">{outcome}</p> })}
                <ul class="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-sm text-muted">
                    <li>"received " <Time when=received_at /></li>
                    <li>{tries}</li>
                    {replayed_at.map(|when| view! { <li>"replayed " <Time when /></li> })}
                    {next_at.map(|when| view! { <li>"next try " <Time when /></li> })}
                </ul>
                {link}
            </div>
            {button}
        </li>
    }
}

/// Says how many events of the chosen state pass the rest of the filter.
fn matching(count: usize, more: bool) -> String {
    match (count, more) {
        (0, _) => "No events match".into(),
        (1, false) => "1 event matches".into(),
        _ => format!("{} events match", count_text(count, more)),
    }
}

fn filter_of(query: &ParamsMap) -> EventsFilter {
    let value = |name: &str| query.get(name).unwrap_or_default();
    EventsFilter {
        state: value("state"),
        kind: value("type"),
        stripe_id: value("q"),
        older: value("older"),
        newer: value("newer"),
    }
}

fn address(filter: &EventsFilter) -> String {
    format!("/admin/events{}", query(filter))
}

/// Returns the filter as a query string.
fn query(filter: &EventsFilter) -> String {
    let EventsFilter { state, kind, stripe_id, older, newer } = filter;
    let fields = [("state", state), ("type", kind), ("q", stripe_id), ("older", older), ("newer", newer)];
    let given = fields.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| (name, value.clone())).collect::<ParamsMap>().to_query_string()
}
