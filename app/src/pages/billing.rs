//! `/billing`: plans, packs and what features cost.

use leptos::prelude::*;

use crate::{
    components::{Frame, Place, Time, load},
    views::{BillingView, FeatureView, PackView, PlanView, Viewer, When},
};

/// What is for sale.
#[component]
pub fn BillingPage() -> impl IntoView {
    load(
        |backend, who| async move { backend.billing(&who).await },
        |viewer, view| view! { <Billing viewer view /> }.into_any(),
    )
}

#[component]
fn Billing(viewer: Viewer, view: BillingView) -> impl IntoView {
    let BillingView { plans, packs, features, resets_at } = view;
    let whom_to_ask = match viewer.role.as_str() {
        "owner" => "To change the plan or to buy a pack, write to support.",
        _ => "To change the plan or to buy a pack, ask an owner of your organization.",
    };
    let plans = plans.into_iter().map(|plan| view! { <Plan plan resets_at=resets_at.clone() /> }).collect_view();
    let packs = packs.into_iter().map(|pack| view! { <Pack pack features=features.clone() /> }).collect_view();
    view! {
        <Frame viewer place=Place::Billing title="Plans">
            <h1 class="text-3xl font-semibold tracking-tight">"Plans"</h1>
            <p class="mt-1 text-muted">
                "This period ends on " <Time when=resets_at.clone() /> ", " {resets_at.relative.clone()}
                ". The allowance does not roll over; packs stay."
            </p>
            <p class="notice mt-5">{whom_to_ask}</p>
            <ul class="mt-6 grid items-stretch gap-5 md:grid-cols-3">{plans}</ul>
            <section class="mt-12" aria-labelledby="packs">
                <h2 id="packs" tabindex="-1" class="text-2xl font-semibold tracking-tight">
                    "Packs"
                </h2>
                <p class="mt-1 text-muted">"Tokens on top of the allowance. They outlive every reset, and need a paid plan to be spent."</p>
                <ul class="mt-5 grid gap-5 md:grid-cols-3">{packs}</ul>
            </section>
            <section class="mt-12" aria-labelledby="features">
                <h2 id="features" class="text-2xl font-semibold tracking-tight">
                    "What features cost"
                </h2>
                <Prices features />
            </section>
        </Frame>
    }
}

#[component]
fn Plan(plan: PlanView, resets_at: When) -> impl IntoView {
    let PlanView { label, price_cents, allowance, features, current, next, .. } = plan;
    let allowance = allowance.into_iter().map(|(amount, label)| match amount.is_zero() {
        true => view! { <li>{format!("No {label}")}</li> },
        false => view! { <li>{format!("{amount} {label} a month")}</li> },
    });
    let features = if features.is_empty() {
        view! { <li class="text-muted">"No AI features"</li> }.into_any()
    } else {
        features.into_iter().map(|feature| view! { <li class="tick">{feature}</li> }).collect_view().into_any()
    };
    view! {
        <li class="card flex flex-col" class:card-current=current aria-current={current.then_some("true")}>
            <div class="flex flex-wrap items-baseline justify-between gap-2">
                <h2 class="text-lg font-semibold">{label}</h2>
                {current.then(|| view! { <span class="tag tag-accent">"Your plan"</span> })}
                {next.then(|| view! { <span class="tag">"Next"</span> })}
            </div>
            <p class="mt-2">
                <span class="text-3xl font-semibold tracking-tight tabular-nums">{dollars(price_cents)}</span>
                <span class="text-muted">" a month"</span>
            </p>
            <ul class="mt-4 border-t border-line pt-4 font-medium tabular-nums">{allowance.collect_view()}</ul>
            <ul class="mt-4 grid gap-1">{features}</ul>
            {next.then(|| view! { <p class="mt-4 text-sm text-muted">"Starts on " <Time when=resets_at /> "."</p> })}
        </li>
    }
}

#[component]
fn Pack(pack: PackView, features: Vec<FeatureView>) -> impl IntoView {
    let PackView { label, price_cents, tokens, .. } = pack;
    let tokens = tokens.into_iter().map(|(amount, label)| {
        let buys = features.iter().find(|feature| feature.token_label == label && !feature.cost.is_zero());
        let buys = buys.map(|feature| format!("about {} × {}", amount.get() / feature.cost.get(), feature.label));
        view! {
            <li>
                <span class="font-medium tabular-nums">{format!("{amount} {label}")}</span>
                {buys.map(|buys| view! { <span class="block text-sm text-muted">{buys}</span> })}
            </li>
        }
    });
    view! {
        <li class="card">
            <h3 class="text-lg font-semibold">{label}</h3>
            <p class="mt-2">
                <span class="text-3xl font-semibold tracking-tight tabular-nums">{dollars(price_cents)}</span>
                <span class="text-muted">" once"</span>
            </p>
            <ul class="mt-4 grid gap-2 border-t border-line pt-4">{tokens.collect_view()}</ul>
        </li>
    }
}

#[component]
fn Prices(features: Vec<FeatureView>) -> impl IntoView {
    let rows = features.into_iter().map(|feature| {
        view! {
            <tr>
                <th scope="row">
                    {feature.label} <span class="block text-sm font-normal text-muted">{feature.summary}</span>
                </th>
                <td class="number">{format!("{} {}", feature.cost, feature.token_label)}</td>
                <td>{feature.from_plan}</td>
            </tr>
        }
    });
    view! {
        <table class="prices mt-4">
            <caption class="sr-only">"Features, what one use costs, and the smallest plan that has it"</caption>
            <thead>
                <tr>
                    <th scope="col">"Feature"</th>
                    <th scope="col" class="number">
                        "One use"
                    </th>
                    <th scope="col">"From"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </table>
    }
}

/// `$149`, or `$29.50` where there are cents.
fn dollars(cents: u32) -> String {
    let whole = brightmeter::tokens::grouped(i64::from(cents / 100));
    match cents % 100 {
        0 => format!("${whole}"),
        rest => format!("${whole}.{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::dollars;

    #[test]
    fn prices_show_cents_only_where_there_are_any() {
        for (cents, text) in [(0, "$0"), (14_900, "$149"), (2_950, "$29.50"), (123_405, "$1,234.05")] {
            assert_eq!(dollars(cents), text);
        }
    }
}
