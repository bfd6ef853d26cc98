//! A table of figures: what they are of to the left, numbers to the right.

use leptos::prelude::*;

/// A table that scrolls sideways where there is no room for it.
#[component]
pub fn Figures(
    /// What it is, in a few words.
    label: &'static str,
    /// What it tells, for whom it is read aloud to.
    caption: &'static str,
    /// What the figures are of.
    of: &'static str,
    /// What the figures are.
    columns: &'static [&'static str],
    /// Its body and, if it has one, its foot.
    children: Children,
) -> impl IntoView {
    let columns = columns.iter().map(|column| {
        view! {
            <th scope="col" class="number">
                {*column}
            </th>
        }
    });
    view! {
        <div class="overflow-x-auto" tabindex="0" role="region" aria-label=format!("{label}, scrolls sideways")>
            <table class="prices mt-4">
                <caption class="sr-only">{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col">{of}</th>
                        {columns.collect_view()}
                    </tr>
                </thead>
                {children()}
            </table>
        </div>
    }
}
