//! `/admin/events`: Stripe events that aren't processed yet.

use leptos::prelude::*;

use super::need_attention;
use crate::{
    backend::StaffMember,
    components::{AdminFrame, AdminSection, Confirm, Time, load_staff},
    views::admin::{EventView, EventsView},
};

/// Events that need attention, and events that are waiting for missing data.
#[component]
pub fn EventsPage() -> impl IntoView {
    load_staff(
        |backend, staff| async move { backend.stripe_events(&staff).await },
        |staff, view| view! { <Events staff view /> }.into_any(),
    )
}

#[component]
fn Events(staff: StaffMember, view: EventsView) -> impl IntoView {
    let EventsView { needs_attention, more_need_attention, waiting, more_waiting } = view;
    let answer = need_attention(needs_attention.len(), more_need_attention);
    let needs_attention = match needs_attention.is_empty() {
        true => view! {
            <div class="empty mt-4">
                <p class="font-medium text-ink">"Nothing needs attention"</p>
                <p class="mt-1">"Events that couldn't be processed within three days appear here. You can see the reason and replay them."</p>
            </div>
        }
        .into_any(),
        false => view! { <List events=needs_attention more=more_need_attention group="attention" /> }.into_any(),
    };
    let waiting = match waiting.is_empty() {
        true => view! {
            <div class="empty mt-4">
                <p class="font-medium text-ink">"Nothing is waiting"</p>
                <p class="mt-1">"Events that refer to data we don't have yet wait here until it arrives."</p>
            </div>
        }
        .into_any(),
        false => view! { <List events=waiting more=more_waiting group="waiting" /> }.into_any(),
    };
    view! {
        <AdminFrame staff section=AdminSection::Events title="Events">
            <h1 class="eyebrow">"Events"</h1>
            <p class="answer">{answer}</p>
            <p class="mt-3 max-w-2xl text-muted">
                "Stripe reports payments, refunds, disputes and invoices as events. Processing an event twice changes nothing, so a replay is safe."
            </p>
            <section class="mt-10" aria-labelledby="attention">
                <h2 id="attention" class="text-2xl font-semibold tracking-tight">
                    "Needs attention"
                </h2>
                {needs_attention}
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
    let items = events.into_iter().enumerate().map(|(index, event)| {
        let id = format!("replay-{group}-{index}");
        view! { <Event event id /> }
    });
    view! {
        <ul class="mt-4 grid gap-3">{items.collect_view()}</ul>
        {more.then(|| view! { <p class="mt-3 text-muted">{format!("Showing the newest {count}. There are older ones.")}</p> })}
    }
}

#[component]
fn Event(
    event: EventView,
    /// The element id of its dialog.
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
                    "View in Stripe"
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
                    <li>"received " <Time when=received_at /></li>
                    <li>{tries}</li>
                    {replayed_at.map(|when| view! { <li>"replayed " <Time when /></li> })}
                    {next_at.map(|when| view! { <li>"next try " <Time when /></li> })}
                </ul>
                {link}
            </div>
            <div>
                <Confirm
                    id=id
                    button="Replay"
                    title="Replay this event?"
                    consequence="It's retried immediately, then for three more days. Its data is applied. Data applied earlier stays unchanged."
                    action="/admin/events/replay"
                    confirm="Yes, replay it"
                    field=("id", name)
                />
            </div>
        </li>
    }
}
