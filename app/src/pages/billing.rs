//! `/billing`: plans, packs and what features cost.

use brightmeter::{
    billing::{
        license::{Restriction, Rung},
        money::dollars,
    },
    ledger::tokens::{Tokens, grouped},
};
use leptos::prelude::*;

use crate::{
    components::{CustomerPortal, ErrorSummary, Frame, Place, Time, in_words, load},
    form::Form,
    views::{AdviceView, AmountView, BillingView, FeatureView, LocalTime, PackView, PlanView, Viewer},
};

/// What is for sale.
#[component]
pub fn BillingPage() -> impl IntoView {
    let form = Form::current();
    load(
        |backend, who| async move { backend.billing(&who).await },
        |viewer, view| view! { <Billing viewer view form /> }.into_any(),
    )
}

#[component]
fn Billing(viewer: Viewer, view: BillingView, form: Form) -> impl IntoView {
    let BillingView { advice, plans, packs, can_spend, suspended, debts, features, resets_at, subscribed, ladder } =
        view;
    let manages = viewer.manages();
    let before_buying = match (can_spend, debts.is_empty()) {
        _ if suspended => view! { <p class="notice notice-warn mt-4">"Support has suspended AI for your organization, so nothing is sold to it now. Ask support. What you have stays yours."</p> }.into_any(),
        (false, _) => view! { <p class="notice mt-4">"Packs are spent on a paid plan. Take one first, then buy packs on top."</p> }.into_any(),
        (true, false) => view! { <Debts debts /> }.into_any(),
        (true, true) => ().into_any(),
    };
    let sells = manages && can_spend && !suspended;
    let plan = viewer.plan.clone();
    let has_allowance = plans.iter().any(|plan| plan.current && !plan.allowance.is_empty());
    let month = match has_allowance {
        true => {
            let when = resets_at.clone();
            view! { "The allowance of this month is yours until " <Time when=when.clone() /> ", " {when.relative} ". " }
                .into_any()
        }
        false => "AI features come with a paid plan, and packs are spent there. ".into_any(),
    };
    let cards = plans.into_iter().map(|plan| view! { <Plan plan resets_at=resets_at.clone() /> }).collect_view();
    let packs = packs.into_iter().map(|pack| view! { <Pack pack sells /> }).collect_view();
    view! {
        <Frame viewer place=Place::Billing title="Plans">
            <h1 class="eyebrow">"Plans"</h1>
            <p class="answer">{format!("You are on {plan}")}</p>
            <p class="mt-3 max-w-2xl text-muted">
                {month}
                {advice.map(|advice| view! { <Advice advice /> })}
            </p>
            {(!manages)
                .then(|| {
                    view! {
                        <p class="notice mt-5">"To change the plan or to buy a pack, ask an owner or admin of your organization."</p>
                    }
                })}
            {(manages && subscribed).then(|| view! { <CustomerPortal /> })}
            <div class="mt-5 empty:hidden">
                <ErrorSummary form fields=&[] />
            </div>
            <ul class="mt-8 grid items-stretch gap-5 md:grid-cols-3">{cards}</ul>
            <section class="mt-12" aria-labelledby="packs">
                <h2 id="packs" tabindex="-1" class="text-2xl font-semibold tracking-tight">
                    "Packs"
                </h2>
                <p class="mt-1 text-muted">"Tokens on top of the allowance, bought once and kept until they are spent."</p>
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
                    "What you should know before you pay"
                </h2>
                <Rules ladder />
            </section>
        </Frame>
    }
}

/// What the last thirty days would have cost at the least, whichever plan that sells.
#[component]
fn Advice(advice: AdviceView) -> impl IntoView {
    let AdviceView { used, plan, current, packs, price_cents } = advice;
    let with = packs.map(|(count, pack)| format!(" with {count} × {pack}")).unwrap_or_default();
    let verdict = match (current, with.is_empty()) {
        (true, true) => format!("{plan}, which you have, covers that"),
        _ => format!("the cheapest cover for that is {plan}{with}"),
    };
    let (used, price) = (in_words(&used), dollars(price_cents));
    format!("In the last 30 days you used {used}: {verdict}, at {price} a month.")
}

#[component]
fn Plan(plan: PlanView, resets_at: LocalTime) -> impl IntoView {
    let PlanView { name, label, price_cents, allowance, features, current, next, choice } = plan;
    let allowance = match allowance.is_empty() {
        true => view! { <p class="text-muted">"No AI tokens, and none can be spent"</p> }.into_any(),
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
                {next.then(|| view! { <span class="tag">"Next"</span> })}
            </div>
            <Price price_cents=price_cents.into() each=" a month" />
            <div class="mt-4 border-t border-line pt-4">{allowance}</div>
            <ul class="mt-4 grid gap-1">{features}</ul>
            {next.then(|| view! { <p class="mt-4 text-sm text-muted">"Starts on " <Time when=resets_at /> "."</p> })}
            {choice
                .map(|choice| {
                    view! {
                        <p class="mt-auto pt-5">
                            <a class="btn btn-quiet" href=format!("/billing/plan?to={name}")>
                                {choice}
                            </a>
                        </p>
                    }
                })}
        </li>
    }
}

#[component]
fn Pack(pack: PackView, sells: bool) -> impl IntoView {
    let PackView { name, label, price_cents, tokens, new_id } = pack;
    let buy = format!("Buy {label}");
    view! {
        <li class="card">
            <h3 class="text-lg font-semibold">{label}</h3>
            <Price price_cents=price_cents.into() each=" once" />
            <div class="mt-4 border-t border-line pt-4">
                <Amounts amounts=tokens each="" />
            </div>
            {sells
                .then(|| {
                    view! {
                        <form method="post" action="/billing/buy" class="mt-5">
                            <input type="hidden" name="id" value=new_id autocomplete="off" />
                            <input type="hidden" name="pack" value=name />
                            <button type="submit" class="btn">
                                {buy}
                            </button>
                            <p class="mt-2 text-sm text-muted">"You pay at Stripe, our payment provider."</p>
                        </form>
                    }
                })}
        </li>
    }
}

/// What the next pack pays first.
#[component]
fn Debts(debts: Vec<(Tokens, String)>) -> impl IntoView {
    let text = format!(
        "{} are owed: they were spent, and then their payment was returned. The next pack pays them first; what is left of it is yours to spend.",
        in_words(&debts)
    );
    view! { <p class="notice mt-4">{text}</p> }
}

#[component]
fn Price(price_cents: u64, each: &'static str) -> impl IntoView {
    view! {
        <p class="mt-2">
            <span class="text-3xl font-semibold tracking-tight tabular-nums">{dollars(price_cents)}</span>
            <span class="text-muted">{each}</span>
        </p>
    }
}

/// Amounts, each with what it pays.
#[component]
fn Amounts(amounts: Vec<AmountView>, each: &'static str) -> impl IntoView {
    let items = amounts.into_iter().map(|AmountView { amount, label, buys }| {
        let buys = buys.map(|(uses, feature)| format!("as much as {} × {feature}", grouped(uses)));
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

/// What is decided by rules that a buyer would otherwise learn too late.
#[component]
fn Rules(ladder: Vec<Rung>) -> impl IntoView {
    let rungs: Vec<String> = ladder
        .into_iter()
        .filter_map(|Rung { day, off }| {
            let what = match off {
                Restriction::None => return None,
                Restriction::Premium => "premium features pause",
                Restriction::Allowance => "the allowance pauses and packs still spend",
                Restriction::Ai => "all AI pauses",
            };
            Some(format!("after {day} days {what}"))
        })
        .collect();
    let unpaid = format!("Nothing stops at once: {}. Paying brings everything back in that moment.", rungs.join(", "));
    let rules = [
        ("A job that fails", "is never charged: what it had reserved comes back whole.".to_owned()),
        ("The allowance", "starts anew each month and does not roll over. It is spent before packs are.".to_owned()),
        ("Packs", "outlive resets, plan changes and unpaid invoices. To spend them takes a paid plan.".to_owned()),
        ("Moving up", "counts at once: the larger allowance, less what this month has used.".to_owned()),
        ("Moving down", "counts from the next reset, so nothing that is paid for is lost.".to_owned()),
        ("An unpaid invoice", unpaid),
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
