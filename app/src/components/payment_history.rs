//! Shared parts of the purchase and invoice pages. Printed, these pages show the receipt alone.

use brightmeter::billing::money::Money;
use leptos::prelude::*;

use crate::{
    components::{Frame, Section, Time},
    views::{LocalTime, Viewer},
};

/// The page of one purchase or invoice: a card with its details and links back. A heading in the card must have the id
/// `state`.
#[component]
pub fn PaymentRecordFrame(
    /// The viewer.
    viewer: Viewer,
    /// The page's title.
    title: &'static str,
    /// The page's heading.
    heading: String,
    /// The card's CSS classes, which show the state.
    tone: &'static str,
    /// The card's content.
    children: Children,
) -> impl IntoView {
    view! {
        <Frame viewer section=Section::Billing title>
            <p class="print:hidden">
                <a class="link" href="/billing/purchases">
                    "All purchases"
                </a>
            </p>
            <h1 class="mt-2 mb-6 text-3xl font-semibold tracking-tight">{heading}</h1>
            <section class=format!("card {tone}") aria-labelledby="state">
                {children()}
            </section>
            <p class="mt-6 print:hidden">
                <a class="btn btn-quiet" href="/billing">
                    "Plans and packs"
                </a>
            </p>
        </Frame>
    }
}

/// The amount paid and the date.
#[component]
pub fn PaidFact(
    /// The amount. `None` if it is unknown.
    paid: Option<Money>,
    /// The same amount in the currency that Stripe showed, if it is another one.
    #[prop(optional_no_strip)]
    presented: Option<Money>,
    /// When it was paid.
    at: LocalTime,
) -> impl IntoView {
    let amount = paid.map(|paid| {
        let presented = presented.map(|presented| format!(" (shown as {presented})"));
        view! {
            <span class="tabular-nums">{paid.to_string()}</span>
            {presented}
            ", "
        }
    });
    view! {
        <div>
            <dt>"Paid"</dt>
            <dd>
                {amount}
                <Time when=at />
            </dd>
        </div>
    }
}

/// A link to Stripe's own document.
#[component]
pub fn StripeFact(
    /// The document's URL.
    url: String,
    /// The link text.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    view! {
        <div>
            <dt>"On Stripe"</dt>
            <dd>
                <a class="link" href=url rel="noopener noreferrer">
                    {label}
                </a>
            </dd>
        </div>
    }
}
