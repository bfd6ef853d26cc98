//! `/admin`: the internal staff console.

pub mod events;
pub mod organization;
pub mod organizations;
pub mod pricing;
pub mod reconciliation;

use brightmeter::ledger::tokens::grouped;
use leptos::prelude::*;

pub use self::{
    events::EventsPage, organization::OrganizationPage, organizations::OrganizationsPage, pricing::PricingPage,
    reconciliation::ReconciliationPage,
};
use crate::{
    backend::StaffMember,
    components::{AdminFrame, AdminSection, load_staff},
    views::admin::{EventStateView, EventsFilter, EventsView},
};

/// The description of each section.
const SECTIONS: [(AdminSection, &str); 4] = [
    (AdminSection::Organizations, "Find an organization, check its license, and suspend it if necessary."),
    (AdminSection::Pricing, "See the margin of each price, and try other prices, costs and customer numbers."),
    (AdminSection::Events, "Review Stripe events that need attention or are waiting for other events."),
    (AdminSection::Reconciliation, "Compare purchases and plans with Stripe, and fix the differences."),
];

/// The number of events that need attention, and links to the sections.
#[component]
pub fn ConsolePage() -> impl IntoView {
    load_staff(
        |backend, staff| async move { backend.stripe_events(&staff, EventsFilter::default()).await },
        |staff, view| view! { <Console staff view /> }.into_any(),
    )
}

#[component]
fn Console(staff: StaffMember, view: EventsView) -> impl IntoView {
    let mut states = view.states.into_iter();
    let answer = states.next().map(|EventStateView { count, more, .. }| need_attention(count, more));
    let waiting = match states.next().map_or(0, |waiting| waiting.count) {
        0 => "All other events have been processed.",
        _ => "Other events are waiting for missing data. They're retried automatically.",
    };
    let sections = SECTIONS.map(|(section, text)| {
        view! {
            <li class="card">
                <h2 class="text-lg font-semibold">
                    <a class="link" href=section.address()>
                        {section.label()}
                    </a>
                </h2>
                <p class="mt-1 text-muted">{text}</p>
            </li>
        }
    });
    view! {
        <AdminFrame staff section=AdminSection::Other title="Home">
            <h1 class="eyebrow">"Staff console"</h1>
            <p class="answer">{answer}</p>
            <p class="mt-3 text-muted">{waiting}</p>
            <ul class="mt-8 grid items-stretch gap-5 md:grid-cols-2">{sections.collect_view()}</ul>
        </AdminFrame>
    }
}

/// Says how many events need attention.
fn need_attention(count: usize, more: bool) -> String {
    match (count, more) {
        (0, _) => "No events need attention".into(),
        (1, false) => "1 event needs attention".into(),
        _ => format!("{} events need attention", count_text(count, more)),
    }
}

/// Formats a count that may not be complete: `7`, `1,000+`.
fn count_text(count: usize, more: bool) -> String {
    let count = grouped(i64::try_from(count).unwrap_or(i64::MAX));
    if more { format!("{count}+") } else { count }
}

#[cfg(test)]
mod tests {
    use super::need_attention;

    #[test]
    fn the_number_of_events_may_not_be_complete() {
        let check = |count, more, text| assert_eq!(need_attention(count, more), text);
        check(0, false, "No events need attention");
        check(1, false, "1 event needs attention");
        check(50, false, "50 events need attention");
        check(1_000, true, "1,000+ events need attention");
    }
}
