//! A flash message, shown over the page for a few seconds.

use leptos::prelude::*;

use crate::flash::Flash;

/// The result of the form that led to this page.
#[component]
pub fn Toast(
    /// The flash message.
    flash: Flash,
) -> impl IntoView {
    view! {
        <div role="status" class="toast">
            <p class="tick font-medium">{flash.headline()}</p>
            {flash.detail().map(|detail| view! { <p>{detail}</p> })}
        </div>
    }
}
