//! The way to Stripe's page for invoices and cards.

use leptos::prelude::*;

/// A button that leads to Stripe's page where invoices are paid and cards are changed.
#[component]
pub fn CustomerPortal() -> impl IntoView {
    view! {
        <form method="post" action="/billing/portal" class="mt-5">
            <button type="submit" class="btn btn-quiet">
                "Invoices and cards"
            </button>
            <p class="mt-2 text-sm text-muted">"At Stripe, our payment provider."</p>
        </form>
    }
}
