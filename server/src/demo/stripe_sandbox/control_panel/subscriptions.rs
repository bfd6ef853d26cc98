//! The control panel's section on subscriptions: cards, invoices, cancellation.

use super::{forms::button, payments::payment_actions, subscription_settings::settings};
use crate::demo::stripe_sandbox::{
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
    let customer = state.customers.get(&it.customer).or(state.deleted_customers.get(&it.customer));
    let name = customer.and_then(|customer| customer.name.as_deref()).unwrap_or_default();
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
        if it.status == SubscriptionStatus::Paused {
            html += &button(mount, "resume_subscription", &it.id, "", "Resume subscription");
        }
        html += &button(mount, "cancel_subscription", &it.id, "", "Cancel now");
        if it.cancel_requested_at.is_some() {
            html += "<p>Cancels at the end of the period.</p>";
        } else {
            html += &button(mount, "cancel_at_period_end", &it.id, "", "Cancel at period end");
        }
        html += &settings(state, mount, it);
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
    let actions = payment_actions(state, mount, intent);
    format!("<p>{item}, {amount}: paid on {}</p>{actions}", day(*at))
}
