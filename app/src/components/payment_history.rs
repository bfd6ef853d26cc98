//! What the pages of packs that were ordered and of plans that were paid have in common; on paper they are the receipt alone.

use brightmeter::billing::money::dollars;
use leptos::prelude::*;

use crate::{
    components::{Frame, Place, Time},
    views::{LocalTime, Viewer},
};

/// The page of something that was bought: a card with all that is known of it, under a heading with the id `state`, and the ways
/// back.
#[component]
pub fn PaymentRecordFrame(
    /// Who is looking.
    viewer: Viewer,
    /// The page's title.
    title: &'static str,
    /// What the page is, and for whom.
    heading: String,
    /// How it went: the card's classes.
    tone: &'static str,
    /// What the card says.
    children: Children,
) -> impl IntoView {
    view! {
        <Frame viewer place=Place::Billing title>
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

/// How much was paid, and when.
#[component]
pub fn PaidFact(
    /// How much, in cents.
    cents: u64,
    /// When.
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

/// Where Stripe itself shows it.
#[component]
pub fn StripeFact(
    /// Stripe's page.
    url: String,
    /// What is there.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    view! {
        <div>
            <dt>"By Stripe"</dt>
            <dd>
                <a class="link" href=url rel="noopener noreferrer">
                    {label}
                </a>
            </dd>
        </div>
    }
}
