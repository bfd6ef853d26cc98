//! `<time>` elements.

use leptos::prelude::*;

use crate::views::LocalTime;

/// An instant in the organization's time zone. Hovering shows the relative time.
#[component]
pub fn Time(
    /// The instant.
    when: LocalTime,
) -> impl IntoView {
    view! { <time datetime=when.iso title=when.relative>{when.text}</time> }
}

/// The short date of an instant. Hovering shows the exact time.
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
