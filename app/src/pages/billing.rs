//! `/billing`: plans, packs and what features cost.

use brightmeter::{
    access::role::Action,
    billing::{
        license::{Restriction, Rung},
        money::{Currency, Money},
    },
    ledger::tokens::{Tokens, grouped},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{CustomerPortal, ErrorSummary, Frame, Notices, Section, Time, format_amounts, load},
    form::Form,
    views::{AdviceView, AmountView, BillingView, FeatureView, PackView, PlanView, Viewer},
};

/// The plans and packs on sale, feature costs and billing rules.
#[component]
pub fn BillingPage() -> impl IntoView {
    let form = Form::current();
    let currency = use_query_map().get_untracked().get("currency").unwrap_or_else(|| form.value("currency"));
    load(
        |backend, who| async move { backend.billing(&who, currency).await },
        |viewer, view| view! { <Billing viewer view form /> }.into_any(),
    )
}

#[component]
fn Billing(viewer: Viewer, view: BillingView, form: Form) -> impl IntoView {
    let BillingView {
        currency,
        currencies,
        advice,
        plans,
        packs,
        can_spend,
        suspended,
        debts,
        features,
        notices,
        resets_at,
        subscribed,
        ladder,
    } = view;
    let role = viewer.role;
    let manages = role.permits(Action::ChangePlan);
    let before_buying = match (can_spend, debts.is_empty()) {
        _ if suspended => view! { <p class="notice notice-warn mt-4">"Support suspended AI for your organization, so you can't buy packs right now. You keep what you have. Contact support."</p> }.into_any(),
        (false, _) => view! { <p class="notice mt-4">"Packs need a paid plan. Choose one first."</p> }.into_any(),
        (true, false) => view! { <Debts debts /> }.into_any(),
        (true, true) => ().into_any(),
    };
    let sells = role.permits(Action::BuyPacks) && can_spend && !suspended;
    let plan = viewer.plan.clone();
    let has_allowance = plans.iter().any(|plan| plan.current && !plan.allowance.is_empty());
    let month = match has_allowance {
        true => {
            let when = resets_at;
            view! { "This month's allowance is available until " <Time when=when.clone() /> ", " {when.relative} ". " }
                .into_any()
        }
        false => "AI features and packs need a paid plan. ".into_any(),
    };
    let cards = plans.into_iter().map(|plan| view! { <Plan plan currency /> }).collect_view();
    let packs = packs.into_iter().map(|pack| view! { <Pack pack currency sells /> }).collect_view();
    view! {
        <Frame viewer section=Section::Billing title="Plans">
            <h1 class="eyebrow">"Plans"</h1>
            <p class="answer">{format!("You are on {plan}")}</p>
            <p class="mt-3 max-w-2xl text-muted">
                {month}
                {advice.map(|advice| view! { <Advice advice /> })}
            </p>
            <Notices notices />
            {(!manages)
                .then(|| {
                    view! {
                        <p class="notice mt-5">"To change the plan or buy a pack, ask an owner or admin of your organization."</p>
                    }
                })}
            {(role.permits(Action::OpenCustomerPortal) && subscribed).then(|| view! { <CustomerPortal /> })}
            <div class="mt-5 empty:hidden">
                <ErrorSummary form fields=&[] />
            </div>
            {(currencies.len() > 1).then(|| view! { <Currencies currencies current=currency /> })}
            <ul class="mt-8 grid items-stretch gap-5 md:grid-cols-3">{cards}</ul>
            <section class="mt-12" aria-labelledby="packs">
                <h2 id="packs" tabindex="-1" class="text-2xl font-semibold tracking-tight">
                    "Packs"
                </h2>
                <p class="mt-1 text-muted">"Tokens on top of your allowance. Buy once and keep them until you spend them."</p>
                {before_buying}
                <ul class="mt-5 grid gap-5 md:grid-cols-3">{packs}</ul>
                {manages
                    .then(|| {
                        view! {
                            <p class="mt-5">
                                <a class="link" href="/billing/purchases">
                                    "Purchases and receipts"
                                </a>
                            </p>
                        }
                    })}
            </section>
            <section class="mt-12" aria-labelledby="features">
                <h2 id="features" class="text-2xl font-semibold tracking-tight">
                    "What features cost"
                </h2>
                <Prices features />
            </section>
            <section class="mt-12" aria-labelledby="rules">
                <h2 id="rules" class="text-2xl font-semibold tracking-tight">
                    "How billing works"
                </h2>
                <Rules ladder />
            </section>
        </Frame>
    }
}

/// The cheapest plan and packs that cover the use of the last 30 days.
#[component]
fn Advice(advice: AdviceView) -> impl IntoView {
    let AdviceView { used, plan, current, packs, price } = advice;
    let with_packs = packs.map(|(count, pack)| format!(" + {count} {pack}")).unwrap_or_default();
    let best = match (current, with_packs.is_empty()) {
        (true, true) => format!("your current plan, {plan}"),
        _ => format!("{plan}{with_packs}"),
    };
    let used = format_amounts(&used);
    format!("In the last 30 days you used {used}. Best value: {best}, at {price} a month.")
}

/// The choice of the currency of all prices.
#[component]
fn Currencies(currencies: Vec<Currency>, current: Currency) -> impl IntoView {
    let links = currencies.into_iter().map(|currency| {
        let code = currency.as_str().to_ascii_uppercase();
        let href = format!("/billing?currency={currency}");
        let is_current = (currency == current).then_some("true");
        view! {
            <li>
                <a class=if is_current.is_some() { "tag tag-accent" } else { "tag" } href=href aria-current=is_current>
                    {code}
                </a>
            </li>
        }
    });
    view! {
        <nav class="mt-6 flex flex-wrap items-center gap-3" aria-label="Currency">
            <span class="text-sm text-muted">"Prices in"</span>
            <ul class="flex flex-wrap gap-2">{links.collect_view()}</ul>
        </nav>
    }
}

#[component]
fn Plan(plan: PlanView, currency: Currency) -> impl IntoView {
    let PlanView { name, label, price, interval, allowance, features, current, next, choice } = plan;
    let allowance = match allowance.is_empty() {
        true => view! { <p class="text-muted">"No AI tokens included"</p> }.into_any(),
        false => view! { <Amounts amounts=allowance each=" a month" /> }.into_any(),
    };
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
                {next.is_some().then(|| view! { <span class="tag">"Next"</span> })}
            </div>
            <Price price each=format!(" a {}", interval.as_str()) />
            <div class="mt-4 border-t border-line pt-4">{allowance}</div>
            <ul class="mt-4 grid gap-1">{features}</ul>
            {next.map(|when| view! { <p class="mt-4 text-sm text-muted">"Starts on " <Time when /> "."</p> })}
            {choice
                .map(|choice| {
                    view! {
                        <p class="mt-auto pt-5">
                            <a class="btn btn-quiet" href=format!("/billing/plan?to={name}&currency={currency}")>
                                {choice}
                            </a>
                        </p>
                    }
                })}
        </li>
    }
}

#[component]
fn Pack(pack: PackView, currency: Currency, sells: bool) -> impl IntoView {
    let PackView { name, label, price, tokens, new_id } = pack;
    let buy = format!("Buy {label}");
    view! {
        <li class="card">
            <h3 class="text-lg font-semibold">{label}</h3>
            <Price price each=" once" />
            <div class="mt-4 border-t border-line pt-4">
                <Amounts amounts=tokens each="" />
            </div>
            {sells
                .then(|| {
                    view! {
                        <form method="post" action="/billing/buy" class="mt-5">
                            <input type="hidden" name="id" value=new_id autocomplete="off" />
                            <input type="hidden" name="pack" value=name />
                            <input type="hidden" name="currency" value=currency.to_string() />
                            <button type="submit" class="btn">
                                {buy}
                            </button>
                            <p class="mt-2 text-sm text-muted">"You pay on Stripe, our payment provider."</p>
                        </form>
                    }
                })}
        </li>
    }
}

/// The debts that the next pack repays first.
#[component]
fn Debts(debts: Vec<(Tokens, String)>) -> impl IntoView {
    let text = format!(
        "You owe {}, because they were spent before their payment was refunded. Your next pack repays them first. The rest of it is yours.",
        format_amounts(&debts)
    );
    view! { <p class="notice mt-4">{text}</p> }
}

#[component]
fn Price(price: Money, #[prop(into)] each: String) -> impl IntoView {
    view! {
        <p class="mt-2">
            <span class="text-3xl font-semibold tracking-tight tabular-nums">{price.to_string()}</span>
            <span class="text-muted">{each}</span>
        </p>
    }
}

/// Amounts, each with the number of uses it pays for.
#[component]
fn Amounts(amounts: Vec<AmountView>, each: &'static str) -> impl IntoView {
    let items = amounts.into_iter().map(|AmountView { amount, label, buys }| {
        let buys = buys.map(|(uses, feature)| format!("≈ {} {}", grouped(uses), uses_of(&feature, uses)));
        view! {
            <li>
                <span class="font-medium tabular-nums">{format!("{amount} {label}")}</span>
                {each}
                {buys.map(|buys| view! { <span class="block text-sm text-muted">{buys}</span> })}
            </li>
        }
    });
    view! { <ul class="grid gap-2">{items.collect_view()}</ul> }
}

/// A feature's label within a sentence, in the plural unless `uses` is 1: `quest generations`, `strategy analyses`.
fn uses_of(feature: &str, uses: i64) -> String {
    let mut letters = feature.chars();
    let (first, second) = (letters.next(), letters.next());
    // An abbreviation such as `AI summary` keeps its capitals.
    let text = match first.filter(|_| second.is_none_or(|second| !second.is_uppercase())) {
        Some(first) => first.to_lowercase().chain(feature.chars().skip(1)).collect::<String>(),
        None => feature.to_owned(),
    };
    if uses == 1 {
        return text;
    }
    if let Some(stem) = text.strip_suffix("sis") {
        return format!("{stem}ses");
    }
    if let Some(stem) = text.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u'])) {
        return format!("{stem}ies");
    }
    match text.ends_with("ch") || text.ends_with("sh") || text.ends_with(['s', 'x', 'z']) {
        true => format!("{text}es"),
        false => format!("{text}s"),
    }
}

/// The rules that a buyer should know before paying.
#[component]
fn Rules(ladder: Vec<Rung>) -> impl IntoView {
    let rungs: Vec<String> = ladder
        .into_iter()
        .filter_map(|Rung { day, off }| {
            let what = match off {
                Restriction::None => return None,
                Restriction::Premium => "premium features stop",
                Restriction::Allowance => "the allowance stops, but packs still work",
                Restriction::Ai => "all AI stops",
            };
            Some(format!("After {day} days, {what}."))
        })
        .collect();
    let unpaid = format!("Nothing stops right away. {} Paying restores everything immediately.", rungs.join(" "));
    let rules = [
        ("Failed jobs", "They're never charged. All reserved tokens are released.".to_owned()),
        ("Allowance", "It resets every month and doesn't roll over. It's spent before packs.".to_owned()),
        (
            "Packs",
            "They survive resets, plan changes and unpaid invoices. A paid plan is required to use them.".to_owned(),
        ),
        (
            "Upgrades",
            "They apply immediately. You get the larger allowance, minus what you've used this month.".to_owned(),
        ),
        ("Downgrades", "They apply at the end of the time you've paid for, so you keep it.".to_owned()),
        ("Unpaid invoices", unpaid),
        (
            "Free trials",
            "Each organization has one. After it, the allowance starts with the first payment. An upgrade ends the trial."
                .to_owned(),
        ),
        (
            "Paused payments",
            "What you've paid for stays. There's no new allowance until payments go on. Packs can be spent.".to_owned(),
        ),
        (
            "Refunds and disputes",
            "Unused tokens go in the same share as the money. What you've spent stays spent: for a pack, the next one pays for it. While a dispute is open, its share of the unused tokens is set aside; a bank's inquiry changes nothing."
                .to_owned(),
        ),
        ("Mailed invoices", "Everything is on at once. An invoice is unpaid from its due date.".to_owned()),
    ];
    let items = rules.map(|(subject, rule)| {
        view! {
            <div>
                <dt class="font-medium">{subject}</dt>
                <dd class="mt-0.5 text-muted">{rule}</dd>
            </div>
        }
    });
    view! { <dl class="mt-4 grid gap-x-8 gap-y-5 md:grid-cols-2">{items.collect_view()}</dl> }
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
            <caption class="sr-only">"Features, the cost of one use, and the smallest plan that includes them"</caption>
            <thead>
                <tr>
                    <th scope="col">"Feature"</th>
                    <th scope="col" class="number">
                        "Per use"
                    </th>
                    <th scope="col">"From plan"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </table>
    }
}

#[cfg(test)]
mod tests {
    use super::uses_of;

    #[test]
    fn a_feature_is_named_in_the_plural_unless_it_is_used_once() {
        for (feature, uses, text) in [
            ("Quest generation", 40, "quest generations"),
            ("Quest generation", 1, "quest generation"),
            ("Strategy analysis", 2, "strategy analyses"),
            ("Summary", 2, "summaries"),
            ("AI survey", 2, "AI surveys"),
            ("Search", 0, "searches"),
        ] {
            assert_eq!(uses_of(feature, uses), text);
        }
    }
}
