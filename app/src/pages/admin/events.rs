//! `/admin/events`: what Stripe told that was not acted on yet.

use leptos::prelude::*;

use super::left_in_words;
use crate::{
    backend::StaffMember,
    components::{AdminFrame, AdminSection, Confirm, Time, load_staff},
    views::admin::{EventView, EventsView},
};

/// Events that were left to a person, and those that wait.
#[component]
pub fn EventsPage() -> impl IntoView {
    load_staff(
        |backend, staff| async move { backend.stripe_events(&staff).await },
        |staff, view| view! { <Events staff view /> }.into_any(),
    )
}

#[component]
fn Events(staff: StaffMember, view: EventsView) -> impl IntoView {
    let EventsView { left, more_left, waiting, more_waiting } = view;
    let answer = left_in_words(left.len(), more_left);
    let left = match left.is_empty() {
        true => view! {
            <div class="empty mt-4">
                <p class="font-medium text-ink">"Nothing was left to a person"</p>
                <p class="mt-1">"An event that could not be acted on for three days comes here, with the reason and a way to have it tried again."</p>
            </div>
        }
        .into_any(),
        false => view! { <List events=left more=more_left group="left" /> }.into_any(),
    };
    let waiting = match waiting.is_empty() {
        true => view! {
            <div class="empty mt-4">
                <p class="font-medium text-ink">"Nothing waits"</p>
                <p class="mt-1">"An event about something unknown waits here until that is known."</p>
            </div>
        }
        .into_any(),
        false => view! { <List events=waiting more=more_waiting group="waiting" /> }.into_any(),
    };
    view! {
        <AdminFrame staff desk=AdminSection::Events title="Events">
            <h1 class="eyebrow">"Events"</h1>
            <p class="answer">{answer}</p>
            <p class="mt-3 max-w-2xl text-muted">
                "Stripe tells of payments, refunds, disputes and invoices by events. To act on one twice changes nothing, so a replay is safe."
            </p>
            <section class="mt-10" aria-labelledby="left">
                <h2 id="left" class="text-2xl font-semibold tracking-tight">
                    "Left to a person"
                </h2>
                {left}
            </section>
            <section class="mt-12" aria-labelledby="waiting">
                <h2 id="waiting" class="text-2xl font-semibold tracking-tight">
                    "Waiting"
                </h2>
                {waiting}
            </section>
        </AdminFrame>
    }
}

#[component]
fn List(events: Vec<EventView>, more: bool, group: &'static str) -> impl IntoView {
    let count = events.len();
    let items = events.into_iter().enumerate().map(|(place, event)| {
        let id = format!("replay-{group}-{place}");
        view! { <Event event id /> }
    });
    view! {
        <ul class="mt-4 grid gap-3">{items.collect_view()}</ul>
        {more.then(|| view! { <p class="mt-3 text-muted">{format!("The newest {count} are listed; there are older ones.")}</p> })}
    }
}

#[component]
fn Event(
    event: EventView,
    /// Of its dialog.
    id: String,
) -> impl IntoView {
    let EventView { id: name, kind, received_at, attempts, why, next_at, replayed_at, stripe_url } = event;
    let tries = match attempts {
        0 => "not tried yet".into(),
        1 => "tried once".into(),
        attempts => format!("tried {attempts} times"),
    };
    let link = stripe_url.map(|address| {
        view! {
            <p class="mt-2 text-sm">
                <a class="link" href=address rel="noreferrer">
                    "Look at it in Stripe"
                </a>
            </p>
        }
    });
    view! {
        <li class="card flex flex-wrap items-start justify-between gap-4">
            <div class="min-w-0">
                <h3 class="font-medium wrap-anywhere">{kind}</h3>
                <p class="mt-1 font-mono text-sm text-muted wrap-anywhere">{name.clone()}</p>
                {why.map(|why| view! { <p class="mt-2 wrap-anywhere">{format!("Why: {why}.")}</p> })}
                <ul class="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-sm text-muted">
                    <li>"came " <Time when=received_at /></li>
                    <li>{tries}</li>
                    {replayed_at.map(|when| view! { <li>"replayed " <Time when /></li> })}
                    {next_at.map(|when| view! { <li>"tried again " <Time when /></li> })}
                </ul>
                {link}
            </div>
            <div>
                <Confirm
                    id=id
                    ask="Replay"
                    title="Replay this event?"
                    consequence="It is tried at once, and then for three days more. What it tells is taken in; what was taken in before stays as it is."
                    action="/admin/events/replay"
                    sure="Yes, replay it"
                    field=("id", name)
                />
            </div>
        </li>
    }
}
