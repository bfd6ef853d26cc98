//! `/billing/invoices/:invoice`: the receipt of one payment for the plan, also for print.

use brightmeter::billing::money::Money;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::{
    components::{DocumentFacts, PaidFact, PaymentRecordFrame, StripeFact, load},
    views::{Viewer, purchases::InvoiceView},
};

/// The receipt of one payment for the plan.
#[component]
pub fn InvoicePage() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("invoice")).unwrap_or_default();
    load(
        |backend, who| async move { backend.invoice(&who, id).await },
        |viewer, invoice| view! { <Invoice viewer invoice /> }.into_any(),
    )
}

#[component]
fn Invoice(viewer: Viewer, invoice: InvoiceView) -> impl IntoView {
    let InvoiceView { id, number, at, paid, lines, rest, stripe_url, stripe_number, document } = invoice;
    let heading = format!("Receipt {number} for {}", viewer.org.name);
    let label =
        if document.taxes.is_empty() { "Tax, discounts, credit and other" } else { "Discounts, credit and other" };
    let rest = rest.map(|rest| (label.to_owned(), rest));
    let lines = lines.into_iter().chain(rest).map(|(text, amount)| view! { <Line text amount /> }).collect_view();
    let stripe = stripe_url.map(|url| {
        let label =
            stripe_number.map_or_else(|| "Stripe's invoice".into(), |number| format!("Stripe's invoice {number}"));
        view! { <StripeFact url label /> }
    });
    view! {
        <PaymentRecordFrame viewer title="Receipt" heading tone="receipt receipt-good">
            <h2 id="state" class="text-xl font-semibold">
                "Paid. Thank you."
            </h2>
            <p class="mt-2">"Payment for your plan."</p>
            <dl class="facts mt-5">
                {lines}
                <PaidFact paid=Some(paid) at />
                <DocumentFacts document />
                {stripe}
                <div>
                    <dt>"Invoice"</dt>
                    <dd class="wrap-anywhere">{id}</dd>
                </div>
            </dl>
        </PaymentRecordFrame>
    }
}

/// One line of the invoice.
#[component]
fn Line(text: String, amount: Money) -> impl IntoView {
    view! {
        <div>
            <dt class="wrap-anywhere">{text}</dt>
            <dd class="tabular-nums">{amount.to_string()}</dd>
        </div>
    }
}
