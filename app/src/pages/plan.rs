//! `/billing/plan`: what it means to go to a plan, in tokens and in money, before anything is done.

use brightmeter::billing::money::dollars;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{CustomerPortal, ErrorSummary, Figures, Frame, Place, Time, load},
    form::Form,
    views::{
        Viewer,
        plans::{Choice, PlanChoiceView, TokenChange},
    },
};

/// One plan, to be chosen or not.
#[component]
pub fn PlanPage() -> impl IntoView {
    let form = Form::current();
    let to = use_query_map().get_untracked().get("to").unwrap_or_else(|| form.value("plan"));
    // Right after it did not answer, Stripe is not made to wait for again.
    let ask = form.alert().is_none();
    load(
        move |backend, who| async move { backend.plan_choice(&who, to, ask).await },
        move |viewer, view| view! { <Plan viewer view form /> }.into_any(),
    )
}

#[component]
fn Plan(viewer: Viewer, view: PlanChoiceView, form: Form) -> impl IntoView {
    let PlanChoiceView { name, label, price_cents, kind, tokens, refused, new_id, plan_change, from } = view;
    // Sent again where it is not known what became of it, it is the same form.
    let kept = |field: &str, new: String| Some(form.value(field)).filter(|kept| !kept.is_empty()).unwrap_or(new);
    let (id, from) = (kept("id", new_id), kept("from", from.to_string()));
    let plan_change = kept("course", plan_change.as_str().into());
    let price = dollars(price_cents.into());
    let (heading, button) = match &kind {
        Choice::Subscribe { .. } => (format!("Subscribe to {label}"), "Subscribe at Stripe".to_owned()),
        Choice::Up { .. } => (format!("Upgrade to {label}"), format!("Upgrade to {label}")),
        Choice::Stay => (format!("Stay on {label}"), format!("Stay on {label}")),
        Choice::Down { .. } => (format!("Move down to {label}"), format!("Move down to {label}")),
        Choice::End { .. } => ("Cancel the subscription".to_owned(), "Cancel the subscription".to_owned()),
    };
    let money = match kind.clone() {
        Choice::Subscribe { trial_days: 0 } => view! { {format!("{price} today, and {price} each month from then on. You can cancel at any time; the month that is paid stays yours.")} }.into_any(),
        Choice::Subscribe { trial_days } => view! { {format!("Nothing for {trial_days} days, then {price} each month. You can cancel at any time before, and pay nothing.")} }.into_any(),
        Choice::Up { due_cents, next } => {
            let now = match due_cents {
                Some(cents) => format!("{} now, for the rest of this month: what is left of your present plan is taken off. ", dollars(cents)),
                None => "The rest of this month now, less what is left of your present plan. ".to_owned(),
            };
            view! { {now} {format!("{price} on ")} <Time when=next /> ", and each month from then on." }.into_any()
        }
        Choice::Stay => view! { {format!("Nothing now, and {price} each month as before.")} }.into_any(),
        Choice::Down { from } => {
            view! { "Nothing now. " {format!("{price} a month from ")} <Time when=from /> " on." }.into_any()
        }
        Choice::End { from } => view! { "Nothing now, and nothing from " <Time when=from /> " on." }.into_any(),
    };
    // What may be in the way is a card, or an invoice.
    let cards = form.problem("plan").is_some() && !matches!(kind, Choice::Subscribe { .. });
    let packs = match kind {
        Choice::End { .. } => {
            "Packs that you bought stay yours. They are spent on a paid plan only: take one again to spend them."
        }
        _ => "Packs that you bought are not touched.",
    };
    let later = match kind {
        Choice::Down { from } | Choice::End { from } => Some(view! {
            <p class="mt-2 text-muted">
                "Until " <Time when=from /> " everything stays as it is, this month's allowance included. You can take it back until then."
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
                <input type="hidden" name="course" value=plan_change autocomplete="off" />
                <input type="hidden" name="from" value=from autocomplete="off" />
                <button type="submit" class="btn">
                    {button}
                </button>
            </form>
        }
        .into_any(),
    };
    view! {
        <Frame viewer place=Place::Billing title=heading.clone()>
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
                    "What becomes of your tokens"
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
            caption="Tokens that are kept, gained and lost at once; with each what a month brings, before and after"
            of="Tokens"
            columns=&["Kept", "Gained now", "Lost now"]
        >
            <tbody>{rows.collect_view()}</tbody>
        </Figures>
    }
}
