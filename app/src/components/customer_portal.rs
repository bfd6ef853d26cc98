//! The button that opens Stripe's customer portal.

use leptos::prelude::*;

/// Opens Stripe's customer portal, where customers pay invoices and change cards.
#[component]
pub fn CustomerPortal() -> impl IntoView {
    view! {
        <form method="post" action="/billing/portal" class="mt-5">
            <button type="submit" class="btn btn-quiet">
                "Invoices and cards"
            </button>
            <p class="mt-2 text-sm text-muted">"Opens Stripe, our payment provider."</p>
        </form>
    }
}
