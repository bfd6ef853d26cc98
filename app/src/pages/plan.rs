//! `/billing/plan`: a preview of a plan change, in money and tokens, and the form that confirms it.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{CustomerPortal, ErrorSummary, Figures, Frame, Section, Time, load},
    form::Form,
    views::{
        Viewer,
        plans::{Choice, PlanChoiceView, TokenChange, UpgradeCovers},
    },
};

/// The preview of a change to one plan.
#[component]
pub fn PlanPage() -> impl IntoView {
    let form = Form::current();
    let query = use_query_map().get_untracked();
    let to = query.get("to").unwrap_or_else(|| form.value("plan"));
    let currency = query.get("currency").unwrap_or_else(|| form.value("currency"));
    // If Stripe just failed to answer, don't make the user wait for it again.
    let ask_stripe = form.alert().is_none();
    load(
        move |backend, who| async move { backend.plan_choice(&who, to, currency, ask_stripe).await },
        move |viewer, view| view! { <Plan viewer view form /> }.into_any(),
    )
}

#[component]
fn Plan(viewer: Viewer, view: PlanChoiceView, form: Form) -> impl IntoView {
    let PlanChoiceView { name, label, price, interval, kind, tokens, refused, new_id, plan_change, from } = view;
    let interval = interval.as_str();
    // A form that was posted before keeps its values, so that sending it again after an unknown outcome is safe.
    let posted = |field: &str, new: String| Some(form.value(field)).filter(|value| !value.is_empty()).unwrap_or(new);
    let (id, from) = (posted("id", new_id), posted("from", from.to_string()));
    let plan_change = posted("plan_change", plan_change.as_str().into());
    let (heading, button) = match &kind {
        Choice::Subscribe { .. } => (format!("Subscribe to {label}"), "Continue to Stripe".to_owned()),
        Choice::Upgrade { .. } => (format!("Upgrade to {label}"), format!("Upgrade to {label}")),
        Choice::Keep => (format!("Stay on {label}"), format!("Stay on {label}")),
        Choice::Resume => (format!("Resume {label}"), format!("Resume {label}")),
        Choice::Downgrade { .. } => (format!("Downgrade to {label}"), format!("Downgrade to {label}")),
        Choice::Cancel { .. } => ("Cancel the subscription".to_owned(), "Cancel the subscription".to_owned()),
    };
    let money = match kind.clone() {
        Choice::Subscribe { trial_days: 0 } => view! { {format!("{price} today, then {price} every {interval}. Cancel anytime and keep the {interval} you've paid for.")} }.into_any(),
        Choice::Subscribe { trial_days } => view! { {format!("Free for {trial_days} days, then {price} every {interval}. Cancel before the trial ends and pay nothing.")} }.into_any(),
        Choice::Upgrade { due, covers: UpgradeCovers::Rest { next } } => {
            let now = due.map_or_else(|| "Now, you pay the ".to_owned(), |due| format!("{due} now, for the "));
            view! {
                {format!("{now}rest of this {interval}; credit for your unused time is applied. Then {price} on ")}
                <Time when=next />
                {format!(" and every {interval} after.")}
            }
            .into_any()
        }
        Choice::Upgrade { due, covers: UpgradeCovers::NewPeriod } => {
            let now = due.unwrap_or(price);
            view! { {format!("{now} now, for a {interval} that starts today; credit for your unused time is applied. Then {price} every {interval}.")} }.into_any()
        }
        Choice::Upgrade { due, covers: UpgradeCovers::AfterTrial } => {
            let now = due.unwrap_or(price);
            view! { {format!("Your free trial ends with the upgrade: {now} now, then {price} every {interval}.")} }.into_any()
        }
        Choice::Resume => view! { {format!("{price} now, then {price} every {interval}.")} }.into_any(),
        Choice::Keep => view! { {format!("Nothing now. You'll keep paying {price} a {interval}.")} }.into_any(),
        Choice::Downgrade { from } => {
            view! { "Nothing now. " {format!("{price} a {interval} from ")} <Time when=from /> "." }.into_any()
        }
        Choice::Cancel { from } => view! { "Nothing now, and nothing from " <Time when=from /> "." }.into_any(),
    };
    // The cause may be a declined card or an unpaid invoice, so link to the customer portal.
    let cards = form.problem("plan").is_some() && !matches!(kind, Choice::Subscribe { .. });
    let packs = match kind {
        Choice::Cancel { .. } => "You keep the packs you bought. A paid plan is required to use them.",
        _ => "The packs you bought aren't affected.",
    };
    let later = match kind {
        Choice::Downgrade { from } | Choice::Cancel { from } => Some(view! {
            <p class="mt-2 text-muted">
                "Until " <Time when=from /> ", everything stays the same, including this month's allowance. You can undo this until then."
            </p>
        }),
        _ => None,
    };
    let act = match refused {
        Some(why) => view! { <p class="notice mt-6">{why}</p> }.into_any(),
        None => view! {
            <form method="post" action="/billing/plan" class="mt-6">
                <input type="hidden" name="id" value=id autocomplete="off" />
                <input type="hidden" name="plan" value=name />
                <input type="hidden" name="currency" value=price.currency.to_string() />
                <input type="hidden" name="plan_change" value=plan_change autocomplete="off" />
                <input type="hidden" name="from" value=from autocomplete="off" />
                <button type="submit" class="btn">
                    {button}
                </button>
            </form>
        }
        .into_any(),
    };
    view! {
        <Frame viewer section=Section::Billing title=heading.clone()>
            <p>
                <a class="link" href="/billing">
                    "Plans and packs"
                </a>
            </p>
            <h1 class="mt-2 text-3xl font-semibold tracking-tight">{heading}</h1>
            <div class="mt-5 empty:hidden">
                <ErrorSummary form fields=&[] />
            </div>
            {cards.then(|| view! { <CustomerPortal /> })}
            <section class="card mt-6" aria-labelledby="money">
                <h2 id="money" class="text-lg font-semibold">
                    "What you pay"
                </h2>
                <p class="mt-2">{money}</p>
            </section>
            <section class="card mt-6" aria-labelledby="tokens">
                <h2 id="tokens" class="text-lg font-semibold">
                    "Your tokens after this change"
                </h2>
                <Tokens tokens />
                {later}
                <p class="mt-2 text-muted">{packs}</p>
            </section>
            {act}
        </Frame>
    }
}

#[component]
fn Tokens(tokens: Vec<TokenChange>) -> impl IntoView {
    let rows = tokens.into_iter().map(|TokenChange { label, kept, gained, lost, a_month: (now, then) }| {
        let a_month = if now == then { format!("{now} a month") } else { format!("{now} → {then} a month") };
        view! {
            <tr>
                <th scope="row">
                    {label} <span class="block text-sm font-normal text-muted">{a_month}</span>
                </th>
                <td class="number">{kept.to_string()}</td>
                <td class="number">{gained.to_string()}</td>
                <td class="number">{lost.to_string()}</td>
            </tr>
        }
    });
    view! {
        <Figures
            label="Tokens kept, gained and lost"
            caption="Tokens kept, gained and lost now, and the monthly allowance before and after"
            of="Tokens"
            columns=&["Kept", "Gained now", "Lost now"]
        >
            <tbody>{rows.collect_view()}</tbody>
        </Figures>
    }
}
