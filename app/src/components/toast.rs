//! A message that lies over the page for a while.

use leptos::prelude::*;

use crate::flash::Flash;

/// What the form before this page has done.
#[component]
pub fn Toast(
    /// What was done.
    flash: Flash,
) -> impl IntoView {
    view! {
        <div role="status" class="toast">
            <p class="tick font-medium">{flash.headline()}</p>
            {flash.detail().map(|detail| view! { <p>{detail}</p> })}
        </div>
    }
}
