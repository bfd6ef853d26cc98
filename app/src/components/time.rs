//! Instants on pages.

use leptos::prelude::*;

use crate::views::LocalTime;

/// An instant in the organization's time zone; how far away it is shows on hover.
#[component]
pub fn Time(
    /// The instant.
    when: LocalTime,
) -> impl IntoView {
    view! { <time datetime=when.iso title=when.relative>{when.text}</time> }
}

/// The date of an instant, where there is no room for more; the exact instant shows on hover.
#[component]
pub fn Date(
    /// The instant.
    when: LocalTime,
) -> impl IntoView {
    view! {
        <time datetime=when.iso title=format!("{}, {}", when.text, when.relative)>
            {when.date}
        </time>
    }
}
