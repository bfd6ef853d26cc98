//! Shared parts of the purchase and invoice pages. Printed, these pages show the receipt alone.

use brightmeter::billing::money::Money;
use leptos::prelude::*;

use crate::{
    components::{Frame, Section, Time},
    views::{LocalTime, Viewer, purchases::DocumentView},
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

/// Seller, buyer, taxes, refunds and the PDF file of a payment.
#[component]
pub fn DocumentFacts(
    /// The document.
    document: DocumentView,
) -> impl IntoView {
    let DocumentView { seller, buyer, taxes, credits, pdf_url } = document;
    let fact = |name: String, value: AnyView| {
        view! {
            <div>
                <dt class="wrap-anywhere">{name}</dt>
                <dd class="wrap-anywhere tabular-nums">{value}</dd>
            </div>
        }
    };
    let lines: Vec<_> = buyer.into_iter().map(|line| view! { <span class="block">{line}</span> }).collect();
    let buyer = (!lines.is_empty()).then(|| fact("Bill to".into(), lines.into_any()));
    let seller = seller.map(|seller| fact("Sold by".into(), seller.into_any()));
    let taxes = taxes.into_iter().map(|(text, amount)| fact(text, amount.to_string().into_any())).collect_view();
    let credits = credits.into_iter().map(|amount| fact("Refund".into(), amount.to_string().into_any())).collect_view();
    let pdf = pdf_url.map(|url| view! { <StripeFact url label="Invoice (PDF)" /> });
    view! {
        {seller}
        {buyer}
        {taxes}
        {credits}
        {pdf}
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
