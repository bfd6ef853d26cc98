//! `/license`: the state of the license, what stops next, and its history.

use leptos::prelude::*;

use crate::{
    components::{Action, CustomerPortal, Frame, Notices, Section, Time, load},
    views::{Viewer, license::LicenseView, notice::NoticeAction},
};

/// The license's state and history.
#[component]
pub fn LicensePage() -> impl IntoView {
    load(
        |backend, who| async move { backend.license(&who).await },
        |viewer, view| view! { <License viewer view /> }.into_any(),
    )
}

#[component]
fn License(viewer: Viewer, view: LicenseView) -> impl IntoView {
    let LicenseView { headline, detail, portal, pay_url, notices, active, upcoming, ladder, history } = view;
    let tone = if active { "card receipt receipt-good mt-6" } else { "card receipt receipt-warn mt-6" };
    let invoices_count = !(upcoming.is_empty() && ladder.is_empty());
    let next = match upcoming.is_empty() {
        false => {
            let items = upcoming.into_iter().map(|(when, what)| {
                view! {
                    <div>
                        <dt>
                            <Time when=when.clone() />
                            ", "
                            {when.relative}
                        </dt>
                        <dd>{what}</dd>
                    </div>
                }
            });
            view! { <dl class="facts mt-4">{items.collect_view()}</dl> }.into_any()
        }
        true => {
            let items = ladder.into_iter().map(|(day, what)| {
                view! {
                    <div>
                        <dt>{format!("After {day} days")}</dt>
                        <dd>{what}</dd>
                    </div>
                }
            });
            view! {
                <p class="mt-1 text-muted">"Nothing stops right away when an invoice is unpaid. Paying restores everything immediately."</p>
                <dl class="facts mt-4">{items.collect_view()}</dl>
            }
            .into_any()
        }
    };
    let history = match history.is_empty() {
        true => view! { <p class="mt-1 text-muted">"All invoices paid."</p> }.into_any(),
        false => {
            let items = history.into_iter().map(|(when, what)| {
                view! {
                    <li>
                        <Time when />
                        ": "
                        {what}
                    </li>
                }
            });
            view! { <ul class="mt-3 grid gap-2">{items.collect_view()}</ul> }.into_any()
        }
    };
    view! {
        <Frame viewer section=Section::Billing title="License">
            <h1 class="text-3xl font-semibold tracking-tight">"License"</h1>
            <section class=tone aria-labelledby="state">
                <h2 id="state" class="text-xl font-semibold">
                    {headline}
                </h2>
                <p class="mt-2">{detail}</p>
                {pay_url.map(|url| view! { <Action action=NoticeAction::Pay(url) /> })}
                {portal.then(|| view! { <CustomerPortal /> })}
            </section>
            <Notices notices />
            {invoices_count
                .then(|| {
                    view! {
                        <section class="mt-10" aria-labelledby="next">
                            <h2 id="next" class="text-2xl font-semibold tracking-tight">
                                "What stops, and when"
                            </h2>
                            {next}
                        </section>
                    }
                })}
            <section class="mt-10" aria-labelledby="history">
                <h2 id="history" class="text-2xl font-semibold tracking-tight">
                    "History"
                </h2>
                {history}
            </section>
            <p class="mt-8">
                <a class="link" href="/billing">
                    "Plans and packs"
                </a>
            </p>
        </Frame>
    }
}
