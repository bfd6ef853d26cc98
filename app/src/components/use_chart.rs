//! A bar chart of daily token use.

use brightmeter::ledger::tokens::grouped;
use leptos::prelude::*;

use crate::views::UseView;

/// The width of a day's slot and the height of the chart, in viewBox units.
const DAY_X_AND_HEIGHT: (i64, i64) = (10, 48);

/// One token type's daily use as bars, with a text alternative.
#[component]
pub fn UseChart(
    /// The use by day.
    used: UseView,
) -> impl IntoView {
    let UseView { label, total, days } = used;
    let summary = summary(&label, total, &days);
    let most = days.iter().map(|(_, tokens)| *tokens).max().unwrap_or_default().max(1);
    let (first, last) = (days.first().cloned().unwrap_or_default().0, days.last().cloned().unwrap_or_default().0);
    let view_box = format!("0 0 {} {}", DAY_X_AND_HEIGHT.0 * days.len() as i64, DAY_X_AND_HEIGHT.1);
    let bars = days.into_iter().zip(0_i64..).map(|((day, tokens), index)| {
        // A day without use keeps a thin line, so that days can be counted.
        let class = if tokens > 0 { "use-bar" } else { "use-none" };
        let height = (tokens.max(0) * (DAY_X_AND_HEIGHT.1 - 2) / most).max(1);
        view! {
            <rect
                class=class
                x=(index * DAY_X_AND_HEIGHT.0 + 1).to_string()
                y=(DAY_X_AND_HEIGHT.1 - height).to_string()
                width=(DAY_X_AND_HEIGHT.0 - 2).to_string()
                height=height.to_string()
            >
                <title>{format!("{day}: {}", grouped(tokens))}</title>
            </rect>
        }
    });
    view! {
        <figure class="min-w-0">
            <figcaption class="flex flex-wrap items-baseline justify-between gap-x-4">
                <span class="font-medium">{label}</span>
                <span class="text-sm text-muted tabular-nums">{format!("{} used", grouped(total))}</span>
            </figcaption>
            <svg class="use-chart" viewBox=view_box preserveAspectRatio="none" role="img" aria-label=summary>
                {bars.collect_view()}
            </svg>
            <p class="mt-1 flex justify-between text-xs text-muted" aria-hidden="true">
                <span>{first}</span>
                <span>{last}</span>
            </p>
        </figure>
    }
}

fn summary(label: &str, total: i64, days: &[(String, i64)]) -> String {
    let most = days.iter().max_by_key(|(_, tokens)| *tokens);
    let most = most.map(|(day, tokens)| format!("; peak on {day}: {}", grouped(*tokens))).unwrap_or_default();
    format!("{label} used in the last {} days: {} in total{most}", days.len(), grouped(total))
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn the_chart_has_a_text_alternative() {
        let days = [("23 November".to_owned(), 5), ("24 November".to_owned(), 1_500)];
        assert_eq!(
            summary("AI tokens", 1_505, &days),
            "AI tokens used in the last 2 days: 1,505 in total; peak on 24 November: 1,500"
        );
    }
}
