//! Ledger entries, as a table that becomes a list on a phone.

use brightmeter::ledger::tokens::grouped;
use leptos::prelude::*;

use crate::views::EntryView;

/// Entries, newest first, grouped by day. The ARIA roles are explicit because the phone layout removes `display:
/// table`.
#[component]
pub fn Entries(
    /// The entries.
    entries: Vec<EntryView>,
    /// The table's caption, for screen readers.
    caption: &'static str,
) -> impl IntoView {
    let mut days: Vec<(String, Vec<EntryView>)> = Vec::new();
    for entry in entries {
        match days.last_mut() {
            Some((day, entries)) if *day == entry.day => entries.push(entry),
            _ => days.push((entry.day.clone(), vec![entry])),
        }
    }
    view! {
        <table class="ledger" role="table">
            <caption class="sr-only">{caption}</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th role="columnheader" scope="col">
                        "Time"
                    </th>
                    <th role="columnheader" scope="col">
                        "Description"
                    </th>
                    <th role="columnheader" scope="col">
                        "By"
                    </th>
                    <th role="columnheader" scope="col" class="number">
                        "Change"
                    </th>
                    <th role="columnheader" scope="col" class="number">
                        "Available after"
                    </th>
                </tr>
            </thead>
            {days.into_iter().map(|(day, entries)| view! { <Day day entries /> }).collect_view()}
        </table>
    }
}

/// One day's entries under its date.
#[component]
fn Day(day: String, entries: Vec<EntryView>) -> impl IntoView {
    view! {
        <tbody role="rowgroup">
            <tr role="row" class="day">
                <th role="rowheader" scope="rowgroup" colspan="5">
                    {day}
                </th>
            </tr>
            {entries.into_iter().map(|entry| view! { <EntryRow entry /> }).collect_view()}
        </tbody>
    }
}

#[component]
fn EntryRow(entry: EntryView) -> impl IntoView {
    let change = change(entry.amount, entry.held);
    let summary = entry.job.map(|job| {
        let label = format!("Job summary for entry {}", entry.seq);
        view! {
            <a class="link" href=format!("/quests/{job}") aria-label=label>
                "Job summary"
            </a>
        }
    });
    let description = match entry.feature {
        Some(feature) => format!("{}: {feature}", entry.label),
        None => entry.label,
    };
    view! {
        <tr role="row" data-seq=entry.seq.to_string()>
            <td role="cell" class="when">
                <time datetime=entry.at.iso title=format!("{}, {}", entry.at.text, entry.at.relative)>
                    {entry.time}
                </time>
            </td>
            <td role="cell" class="what">
                <span class="font-medium">{description}</span>
                {entry.note.map(|note| view! { <span class="note">{note}</span> })}
                {summary.map(|summary| view! { <span class="note">{summary}</span> })}
            </td>
            <td role="cell" class="who">
                {entry.who}
            </td>
            <td role="cell" class="number change" class:gain={entry.amount > 0}>
                <span class="font-medium">{change}</span>
                <span class="note">{entry.token_label}</span>
            </td>
            <td role="cell" class="number after">
                {entry.available_after.to_string()}
            </td>
        </tr>
    }
}

/// The text of a change: settled tokens with their sign, or the tokens that a hold reserved or released.
fn change(amount: i64, held: i64) -> String {
    let size = |number: i64| grouped(number.saturating_abs());
    match (amount, held) {
        (0, 0) => "0".into(),
        (0, held) if held > 0 => format!("{} reserved", size(held)),
        (0, held) => format!("{} released", size(held)),
        (amount, _) if amount > 0 => format!("+{}", size(amount)),
        (amount, _) => format!("−{}", size(amount)),
    }
}

#[cfg(test)]
mod tests {
    use super::change;

    #[test]
    fn settled_changes_have_a_sign_and_hold_changes_a_verb() {
        for ((amount, held), text) in [
            ((500, 0), "+500"),
            ((-5, -5), "−5"),
            ((-2_000, 0), "−2,000"),
            ((0, 5), "5 reserved"),
            ((0, -5), "5 released"),
            ((0, 0), "0"),
        ] {
            assert_eq!(change(amount, held), text);
        }
    }
}
