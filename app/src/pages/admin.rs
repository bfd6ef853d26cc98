//! `/admin`: the staff console, for those who run Brightmeter.

pub mod events;
pub mod organization;
pub mod organizations;
pub mod pricing;
pub mod reconciliation;

use leptos::prelude::*;

pub use self::{
    events::EventsPage, organization::OrganizationPage, organizations::OrganizationsPage, pricing::PricingPage,
    reconciliation::ReconciliationPage,
};
use crate::{
    backend::StaffMember,
    components::{AdminFrame, AdminSection, load_staff},
    views::admin::EventsView,
};

/// What each desk is for.
const SECTIONS: [(AdminSection, &str); 4] = [
    (AdminSection::Organizations, "Who uses Brightmeter, how each license stands, and a way to suspend it by hand."),
    (
        AdminSection::Pricing,
        "What each price leaves after its costs, and what would be if prices, costs or customers were others.",
    ),
    (AdminSection::Events, "What Stripe told that could not be acted on, and what waits for something else."),
    (
        AdminSection::Reconciliation,
        "Purchases and plans held against what Stripe says of them, each difference with its mend.",
    ),
];

/// What waits for a person, and the ways from here.
#[component]
pub fn ConsolePage() -> impl IntoView {
    load_staff(
        |backend, staff| async move { backend.stripe_events(&staff).await },
        |staff, view| view! { <Console staff view /> }.into_any(),
    )
}

#[component]
fn Console(staff: StaffMember, view: EventsView) -> impl IntoView {
    let EventsView { left, more_left, waiting, .. } = view;
    let answer = left_in_words(left.len(), more_left);
    let waiting = match waiting.len() {
        0 => "Every other event was acted on.",
        _ => "Others wait for what they tell of to be known; they are tried again by themselves.",
    };
    let desks = SECTIONS.map(|(desk, text)| {
        view! {
            <li class="card">
                <h2 class="text-lg font-semibold">
                    <a class="link" href=desk.address()>
                        {desk.label()}
                    </a>
                </h2>
                <p class="mt-1 text-muted">{text}</p>
            </li>
        }
    });
    view! {
        <AdminFrame staff desk=AdminSection::Elsewhere title="Start">
            <h1 class="eyebrow">"Staff console"</h1>
            <p class="answer">{answer}</p>
            <p class="mt-3 text-muted">{waiting}</p>
            <ul class="mt-8 grid items-stretch gap-5 md:grid-cols-2">{desks.collect_view()}</ul>
        </AdminFrame>
    }
}

/// How many events were left to a person.
fn left_in_words(count: usize, more: bool) -> String {
    match (count, more) {
        (0, _) => "No event waits for a person".into(),
        (1, false) => "1 event waits for a person".into(),
        (count, false) => format!("{count} events wait for a person"),
        (count, true) => format!("More than {count} events wait for a person"),
    }
}
