//! The control panel's section on subscriptions: cards, invoices, cancellation.

use super::{
    by_hand::prices,
    forms::{button, form, number, select, submit_button},
    payments::payment_actions,
};
use crate::demo::stripe_sandbox::{
    PauseBehavior,
    billing_records::{Invoice, InvoiceStatus, Subscription, SubscriptionStatus},
    collection::Card,
    html::{day, escape},
    state::State,
};

/// The most subscriptions listed.
const MAX_SUBSCRIPTIONS: usize = 100;
/// The most paid invoices listed per subscription.
const MAX_INVOICES: usize = 12;

/// All subscriptions, newest first.
pub(super) fn section(state: &State, mount: &str) -> String {
    let mut all: Vec<&Subscription> = state.subscriptions.values().collect();
    all.sort_by_key(|it| std::cmp::Reverse(it.number));
    if all.is_empty() {
        return "<p>No subscriptions yet.</p>".into();
    }
    all.into_iter().take(MAX_SUBSCRIPTIONS).map(|it| subscription(state, mount, it)).collect()
}

fn subscription(state: &State, mount: &str, it: &Subscription) -> String {
    let (id, label, status) = (escape(&it.id), escape(&it.label()), it.status.name());
    let name = state.customers.get(&it.customer).and_then(|customer| customer.name.as_deref()).unwrap_or_default();
    let mut html = format!(
        r#"<article aria-labelledby="{id}"><h3 id="{id}">{label}: {status}</h3>
<p>{}</p><p>{} to {}</p><p><code>{id}</code></p>"#,
        escape(name),
        day(it.period.start),
        day(it.period.end),
    );
    for (card, value, label) in [
        (Card::Works, "works", "Make card work"),
        (Card::Declined, "fails", "Make card fail"),
        (Card::NeedsConfirmation, "needs_confirmation", "Make card need confirmation"),
        (Card::None, "none", "Remove card"),
    ] {
        if state.card(&it.customer) != card {
            html += &button(mount, "card", &it.customer, value, label);
        }
    }
    if it.pending_update.is_some() {
        html += "<p>An update waits for its invoice.</p>";
    }
    if it.ended_at().is_none() {
        html += &add_on(mount, it);
        html += &collection(mount, it);
        let percent = number("Discount in percent", "percent", 0, 100, 100);
        let submit = submit_button("Discount the next invoices", &it.id);
        html += &form(mount, "discount", &it.id, &(percent + &submit));
        html += &match &it.schedule {
            Some(schedule) => format!("<p>Schedule <code>{}</code></p>", escape(schedule)),
            None => {
                let submit = submit_button("Schedule a change at the renewal", &it.id);
                form(mount, "schedule_change", &it.id, &(prices(state) + &submit))
            }
        };
        if it.status == SubscriptionStatus::Paused {
            html += &button(mount, "resume_subscription", &it.id, "", "Resume subscription");
        }
        html += &button(mount, "cancel_subscription", &it.id, "", "Cancel now");
        if it.cancel_requested_at.is_some() {
            html += "<p>Cancels at the end of the period.</p>";
        } else {
            html += &button(mount, "cancel_at_period_end", &it.id, "", "Cancel at period end");
        }
    }
    let invoices: Vec<&Invoice> =
        state.invoices_of(&it.customer).into_iter().filter(|invoice| invoice.subscription == it.id).collect();
    for invoice in invoices.iter().filter(|invoice| state.is_payable(invoice)) {
        html += &open_invoice(mount, invoice);
    }
    for draft in invoices.iter().filter(|invoice| invoice.status == InvoiceStatus::Draft) {
        html += &format!("<p>Draft of {} <code>{}</code></p>", draft.amount(), escape(&draft.id));
        html += &button(mount, "finalize_invoice", &draft.id, "", "Finalize invoice");
    }
    for invoice in invoices.iter().rev().take(MAX_INVOICES) {
        html += &paid_invoice(state, mount, invoice);
    }
    html + "</article>"
}

/// The subscription's other items, and a form to add a metered one.
fn add_on(mount: &str, it: &Subscription) -> String {
    let others = it.items.iter().filter(|item| it.plan_item() != Some(item));
    let others: String = others.map(|item| format!("<p>Also {}</p>", escape(&item.price.label()))).collect();
    let places = [("last", "after the plan"), ("first", "before the plan")];
    let fields = number("Units a period", "units", 0, 1_000_000, 40)
        + &select("Place", "value", places.map(|(value, label)| (value.to_owned(), label.to_owned())))
        + &submit_button("Add metered item", &it.id);
    others + &form(mount, "add_metered_item", &it.id, &fields)
}

/// Whether invoices are mailed, and whether their collection is paused.
fn collection(mount: &str, it: &Subscription) -> String {
    let mailed = match it.days_until_due {
        None => button(mount, "mail_invoices", &it.id, "", "Mail invoices (net 30)"),
        Some(days) => {
            format!("<p>Invoices are mailed, due after {days} days.</p>")
                + &button(mount, "charge_card", &it.id, "", "Charge the card")
        }
    };
    let pause = match it.pause {
        None => {
            let behaviors = [PauseBehavior::KeepAsDraft, PauseBehavior::Void, PauseBehavior::MarkUncollectible];
            let options = behaviors.map(|it| (it.name().to_owned(), it.name().replace('_', " ")));
            let fields = select("Invoices meanwhile", "value", options) + &submit_button("Pause collection", &it.id);
            form(mount, "pause_collection", &it.id, &fields)
        }
        Some(pause) => {
            format!("<p>Collection is paused: {}.</p>", pause.behavior.name().replace('_', " "))
                + &button(mount, "resume_collection", &it.id, "", "Resume collection")
        }
    };
    mailed + &pause
}

fn open_invoice(mount: &str, invoice: &Invoice) -> String {
    let (id, amount) = (escape(&invoice.id), invoice.amount());
    let attempts = match invoice.attempts {
        1 => "1 attempt".to_owned(),
        attempts => format!("{attempts} attempts"),
    };
    let waits = if invoice.awaits_confirmation { ", needs confirmation" } else { "" };
    let due = invoice.due_at.map(|at| format!(", due on {}", day(at))).unwrap_or_default();
    format!(
        r#"<p><a href="{mount}/invoices/{id}">Open invoice</a> of {amount}, {attempts}{waits}{due} <code>{id}</code></p>"#
    ) + &button(mount, "pay_invoice", &invoice.id, "", "Pay invoice")
        + &button(mount, "decline_invoice", &invoice.id, "", "Decline payment")
        + &button(mount, "void_invoice", &invoice.id, "", "Void invoice")
        + &button(mount, "mark_uncollectible", &invoice.id, "", "Mark uncollectible")
}

/// A paid invoice, with the refunds and disputes of its payment.
fn paid_invoice(state: &State, mount: &str, invoice: &Invoice) -> String {
    let InvoiceStatus::Paid { at, payment_intent: Some(intent) } = &invoice.status else { return String::new() };
    let (item, amount) = (escape(&invoice.item), invoice.amount());
    let actions = payment_actions(state, mount, intent, invoice.amount_cents);
    format!("<p>{item}, {amount}: paid on {}</p>{actions}", day(*at))
}
