//! `/dashboard`: balances, use and the latest entries.

use leptos::prelude::*;

use crate::{
    components::{Balances, Entries, Frame, LiveBalances, Section, UseChart, load},
    views::{DashboardView, EntryView, UseView, Viewer},
};

/// The balances, daily use and the latest entries.
#[component]
pub fn DashboardPage() -> impl IntoView {
    load(
        |backend, who| async move { backend.dashboard(&who).await },
        |viewer, view| view! { <Dashboard viewer view /> }.into_any(),
    )
}

#[component]
fn Dashboard(viewer: Viewer, view: DashboardView) -> impl IntoView {
    let DashboardView { balances, used, recent } = view;
    view! {
        <Frame viewer section=Section::Dashboard title="Dashboard">
            <h1 class="eyebrow">"Dashboard"</h1>
            <LiveBalances>
                <Balances balances />
            </LiveBalances>
            {(!used.is_empty()).then(|| view! { <Used used /> })}
            <section class="mt-12" aria-labelledby="recent">
                <div class="mb-3 flex flex-wrap items-baseline justify-between gap-3">
                    <h2 id="recent" class="text-lg font-semibold">
                        "Latest activity"
                    </h2>
                    <a class="link" href="/activity">
                        "All activity"
                    </a>
                </div>
                <Recent recent />
            </section>
        </Frame>
    }
}

#[component]
fn Used(used: Vec<UseView>) -> impl IntoView {
    view! {
        <section class="mt-12" aria-labelledby="used">
            <h2 id="used" class="mb-4 text-lg font-semibold">
                "Used in the last 30 days"
            </h2>
            <div class="grid gap-x-5 gap-y-8 md:grid-cols-2">
                {used.into_iter().map(|used| view! { <UseChart used /> }).collect_view()}
            </div>
        </section>
    }
}

#[component]
fn Recent(recent: Vec<EntryView>) -> impl IntoView {
    if recent.is_empty() {
        return view! { <p class="empty">"No activity yet. Generate your first quests to see it here."</p> }.into_any();
    }
    view! { <Entries entries=recent caption="Latest entries" /> }.into_any()
}
