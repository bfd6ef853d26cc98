//! A table of numbers with a row header column.

use leptos::prelude::*;

/// A table that scrolls horizontally on narrow screens.
#[component]
pub fn Figures(
    /// The name of the scrollable region.
    label: &'static str,
    /// The table's caption, for screen readers.
    caption: &'static str,
    /// The heading of the row header column.
    of: &'static str,
    /// The headings of the number columns.
    columns: &'static [&'static str],
    /// The `tbody` and, optionally, the `tfoot`.
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
        <div class="overflow-x-auto" tabindex="0" role="region" aria-label=format!("{label}, scrolls horizontally")>
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
