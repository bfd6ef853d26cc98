//! The balances: a one-line summary and a card for each token type.

use brightmeter::ledger::tokens::Tokens;
use leptos::prelude::*;

use crate::{
    components::{Date, Time},
    views::{AllowanceView, BalanceView, BalancesView, GrantView, LastsView},
};

/// All balances: the summary, the upgrade notice, and a card for each token type.
#[component]
pub fn Balances(
    /// The balances.
    balances: BalancesView,
) -> impl IntoView {
    let BalancesView { types, upgrade, .. } = balances;
    let cards = types.clone().into_iter().map(|balance| view! { <BalanceCard balance /> });
    view! {
        <div class="live-answer">
            <Answer types />
        </div>
        <div class="live-cards">
            {upgrade.map(|reason| view! { <UpgradeNotice reason /> })}
            <div class="grid items-start gap-5 md:grid-cols-2">{cards.collect_view()}</div>
        </div>
    }
}

#[component]
fn UpgradeNotice(reason: String) -> impl IntoView {
    view! {
        <form method="get" action="/billing" class="notice notice-warn mb-5 flex flex-wrap items-center justify-between gap-3">
            <p>{reason}</p>
            <button type="submit" class="btn btn-small">
                "Upgrade"
            </button>
        </form>
    }
}

/// The summary: how much of each type is left, how long it lasts, and when the allowance resets.
#[component]
fn Answer(
    /// The balances, the most important type first.
    types: Vec<BalanceView>,
) -> impl IntoView {
    let resets_at =
        types.iter().find_map(|balance| balance.allowance.as_ref()).map(|allowance| allowance.resets_at.clone());
    let lasts = types.first().and_then(|balance| balance.lasts.clone());
    // Without an allowance nothing resets, so "past the reset" would mean nothing.
    let lasts = lasts.filter(|lasts| resets_at.is_some() || *lasts != LastsView::PastReset);
    let mut lines = types.into_iter().map(|balance| match balance.full.is_zero() {
        true => view! { <span>{format!("No {}", balance.label)}</span> }.into_any(),
        false => view! {
            <span class="tabular-nums">{balance.available.to_string()}</span>
            <span class="answer-of">{format!(" of {}", balance.full)}</span>
            <span>{format!(" {} left", balance.label)}</span>
        }
        .into_any(),
    });
    view! {
        <p class="answer">{lines.next()}</p>
        {lines.map(|line| view! { <p class="mt-1 text-lg text-muted">{line}</p> }).collect_view()}
        <p class="mt-3 max-w-2xl text-muted">
            {resets_at.map(|when| view! { "Your allowance resets on " <Time when=when.clone() /> ", " {when.relative} ". " })}
            {lasts.map(|lasts| view! { <Lasts lasts /> })}
        </p>
    }
}

/// How long the tokens last, as a sentence.
#[component]
fn Lasts(lasts: LastsView) -> impl IntoView {
    match lasts {
        LastsView::Until(when) => view! {
            <span class="font-medium text-warn">
                "At your current pace, they'll run out on " <Time when=when.clone() /> ", " {when.relative} "."
            </span>
        }
        .into_any(),
        LastsView::PastReset => "At your current pace, they'll last past the reset.".into_any(),
    }
}

/// One token type: the bar, the amounts and the grants.
#[component]
fn BalanceCard(
    /// The type's balance.
    balance: BalanceView,
) -> impl IntoView {
    let BalanceView { token_type, label, available, held, settled, debt, lasts, allowance, packs, full, low, grants } =
        balance;
    let remaining = allowance.as_ref().map_or(Tokens::ZERO, |allowance| allowance.remaining);
    let value_text = value_text(&label, available, held, packs, allowance.as_ref());
    let heading = format!("balance-{token_type}");
    let runs_out = match lasts {
        Some(LastsView::Until(when)) => Some(when),
        _ => None,
    };
    view! {
        <section class="card" aria-labelledby=heading.clone()>
            <div class="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
                <h2 id=heading.clone() class="card-title">
                    {label.clone()}
                </h2>
                {low.then(|| view! { <span class="tag tag-warn">"Running low"</span> })}
            </div>
            <p class="mt-2 flex flex-wrap items-baseline gap-x-2">
                <span data-testid=format!("available-{token_type}") class="figure">
                    {available.to_string()}
                </span>
                <span class="text-muted">
                    {if full.is_zero() { "available".into() } else { format!("of {full} available") }}
                </span>
            </p>
            <div
                role="progressbar"
                class="mt-4"
                aria-label=format!("{label} available")
                aria-valuemin="0"
                aria-valuenow=available.get().to_string()
                aria-valuemax=full.get().to_string()
                aria-valuetext=value_text
            >
                <Bar parts=Parts::new(remaining, packs, held, full) hatch=format!("hatch-{token_type}") />
            </div>
            <ul class="keys">
                {allowance
                    .map(|AllowanceView { granted, remaining, .. }| {
                        view! { <Key class="key key-allowance" name="Allowance" value=format!("{remaining} of {granted}") /> }
                    })}
                <Key class="key key-packs" name="Packs and bonuses" value=packs.to_string() />
                <Key class="key key-held" name="Held" value=held.to_string() />
            </ul>
            {runs_out
                .map(|when| {
                    view! { <p class="mt-4 text-sm text-warn">"At this pace, runs out on " <Date when=when.clone() /> ", " {when.relative} "."</p> }
                })}
            {(!debt.is_zero())
                .then(|| view! { <p class="mt-4 text-sm text-warn">{format!("You owe {debt} tokens. Your next pack repays them first.")}</p> })}
            <dl class="mt-5 grid grid-cols-2 gap-4 border-t border-line pt-4 text-sm">
                <div>
                    <dt class="text-muted">"Held by running jobs"</dt>
                    <dd data-testid=format!("held-{token_type}") class="mt-0.5 font-medium tabular-nums">
                        {held.to_string()}
                    </dd>
                </div>
                <div>
                    <dt class="text-muted">"Balance before holds"</dt>
                    <dd data-testid=format!("settled-{token_type}") class="mt-0.5 font-medium tabular-nums">
                        {settled.to_string()}
                    </dd>
                </div>
            </dl>
            <Grants grants />
        </section>
    }
}

/// An entry of the bar's legend: a color, its meaning and the amount.
#[component]
fn Key(class: &'static str, name: &'static str, value: String) -> impl IntoView {
    view! {
        <li class=class>
            <span>{name}</span>
            <span class="ml-auto pl-3 font-medium tabular-nums">{value}</span>
        </li>
    }
}

#[component]
fn Grants(grants: Vec<GrantView>) -> impl IntoView {
    if grants.is_empty() {
        return view! { <p class="mt-4 border-t border-line pt-4 text-sm text-muted">"No tokens yet."</p> }.into_any();
    }
    let rows = grants.into_iter().map(|grant| {
        let expires = match grant.expires_at {
            Some(when) => view! { <Date when /> }.into_any(),
            None => view! { <span>"Never"</span> }.into_any(),
        };
        view! {
            <tr class="border-t border-line">
                <th scope="row" class="py-1.5 pr-3 text-left font-normal">
                    {grant.source}
                </th>
                <td class="py-1.5 pr-3 text-right whitespace-nowrap tabular-nums">
                    {format!("{} of {}", grant.remaining, grant.amount)}
                </td>
                <td class="py-1.5 text-right whitespace-nowrap">{expires}</td>
            </tr>
        }
    });
    view! {
        <table class="mt-4 w-full border-t border-line text-sm">
            <caption class="pt-4 pb-2 text-left text-muted">"Sources, used in this order"</caption>
            <thead class="text-xs text-muted">
                <tr>
                    <th scope="col" class="pb-1 text-left font-medium">
                        "Source"
                    </th>
                    <th scope="col" class="pr-3 pb-1 text-right font-medium">
                        "Left"
                    </th>
                    <th scope="col" class="pb-1 text-right font-medium">
                        "Expires"
                    </th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </table>
    }
    .into_any()
}

/// The segments of the bar from left to right, in percent of its length.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Parts {
    allowance: f64,
    held: f64,
    packs: f64,
}

impl Parts {
    /// Calculates the segments. Running jobs reserve from the allowance first, so the held segment starts at its end.
    fn new(remaining: Tokens, packs: Tokens, held: Tokens, full: Tokens) -> Self {
        let of_full = |part: Tokens| match full.get() {
            0 => 0.0,
            full => (part.get() as f64 * 10_000.0 / full as f64).round() / 100.0,
        };
        let held_of_packs = held.saturating_sub(remaining);
        Self {
            allowance: of_full(remaining.saturating_sub(held)),
            held: of_full(held),
            packs: of_full(packs.saturating_sub(held_of_packs)),
        }
    }
}

/// The bar. Widths are attributes, not styles, because the content security policy blocks inline styles. `hatch` is the
/// pattern's element id and must be unique on the page.
#[component]
fn Bar(parts: Parts, hatch: String) -> impl IntoView {
    let Parts { allowance, held, packs } = parts;
    let percent = |value: f64| format!("{value}%");
    let fill = format!("url(#{hatch})");
    view! {
        <svg class="bar" aria-hidden="true" focusable="false">
            <defs>
                <pattern id=hatch width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                    <rect class="bar-stripe" width="3" height="6"></rect>
                </pattern>
            </defs>
            <rect class="bar-allowance" height="100%" width=percent(allowance)></rect>
            <rect fill=fill x=percent(allowance) height="100%" width=percent(held)></rect>
            <rect class="bar-packs" x=percent(allowance + held) height="100%" width=percent(packs)></rect>
        </svg>
    }
}

fn value_text(
    label: &str,
    available: Tokens,
    held: Tokens,
    packs: Tokens,
    allowance: Option<&AllowanceView>,
) -> String {
    let mut parts = Vec::new();
    if let Some(AllowanceView { granted, remaining, resets_at }) = allowance {
        parts.push(format!("{remaining} of {granted} allowance left until {}", resets_at.text));
    }
    parts.push(format!("{packs} from packs"));
    if !held.is_zero() {
        parts.push(format!("{held} held by running jobs"));
    }
    format!("{available} {label} available: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::LocalTime;

    fn tokens(amount: i64) -> Tokens {
        Tokens::new(amount).unwrap()
    }

    #[test]
    fn the_held_segment_starts_where_the_allowance_ends() {
        let check = |[remaining, packs, held, full]: [i64; 4], expected: [f64; 3]| {
            let Parts { allowance, held, packs } =
                Parts::new(tokens(remaining), tokens(packs), tokens(held), tokens(full));
            assert_eq!([allowance, held, packs], expected);
        };
        check([100, 50, 0, 200], [50.0, 0.0, 25.0]);
        check([100, 50, 20, 200], [40.0, 10.0, 25.0]);
        check([10, 50, 20, 200], [0.0, 10.0, 20.0]);
        check([0, 0, 0, 0], [0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_value_text_names_the_allowance_and_the_packs() {
        let resets_at = LocalTime { text: "1 December 2026, 09:30 CET".into(), ..LocalTime::default() };
        let allowance = AllowanceView { granted: tokens(200), remaining: tokens(100), resets_at };
        assert_eq!(
            value_text("AI tokens", tokens(132), tokens(0), tokens(32), Some(&allowance)),
            "132 AI tokens available: 100 of 200 allowance left until 1 December 2026, 09:30 CET, 32 from packs"
        );
    }
}
