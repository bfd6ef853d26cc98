//! A message that lies over the page for a while.

use leptos::prelude::*;

use crate::flash::Told;

/// What the form before this page has done.
#[component]
pub fn Toast(
    /// What was done.
    told: Told,
) -> impl IntoView {
    view! {
        <div role="status" class="toast">
            <p class="tick font-medium">{told.headline()}</p>
            {told.detail().map(|detail| view! { <p>{detail}</p> })}
        </div>
    }
}
