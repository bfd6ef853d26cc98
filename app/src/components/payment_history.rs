//! Shared parts of the purchase and invoice pages. Printed, these pages show the receipt alone.

use brightmeter::billing::money::dollars;
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
    /// The amount, in cents.
    cents: u64,
    /// When it was paid.
    at: LocalTime,
) -> impl IntoView {
    view! {
        <div>
            <dt>"Paid"</dt>
            <dd>
                <span class="tabular-nums">{dollars(cents)}</span>
                ", "
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
