//! The desk's part about subscriptions: their cards, their invoices, and how they end.

use brightmeter::billing::money::dollars;

use super::{button, paid};
use crate::demo::stripe_sandbox::{
    html::{day, escape},
    plans::{Invoice, Settlement, Subscription},
    state::State,
};

/// How many subscriptions are listed, and how many paid invoices of each.
const MAX_LISTED: [usize; 2] = [100, 12];

/// All subscriptions, newest first.
pub(super) fn section(state: &State, mount: &str) -> String {
    let mut all: Vec<&Subscription> = state.subscriptions.values().collect();
    all.sort_by_key(|it| std::cmp::Reverse(it.number));
    if all.is_empty() {
        return "<p>None yet.</p>".into();
    }
    all.into_iter().take(MAX_LISTED[0]).map(|it| subscription(state, mount, it)).collect()
}

fn subscription(state: &State, mount: &str, it: &Subscription) -> String {
    let (id, label, status) = (escape(&it.id), escape(&it.price.label()), it.status.name());
    let name = state.customers.get(&it.customer).and_then(|customer| customer.name.as_deref()).unwrap_or_default();
    let mut html = format!(
        r#"<article aria-labelledby="{id}"><h3 id="{id}">{label}: {status}</h3>
<p>{}</p><p>{} to {}</p><p><code>{id}</code></p>"#,
        escape(name),
        day(it.period.start),
        day(it.period.end),
    );
    let (value, label) =
        if state.card_works(&it.customer) { ("fails", "Let the card fail") } else { ("works", "Let the card work") };
    html += &button(mount, "card", &it.customer, value, label);
    if it.ended_at().is_none() {
        html += &button(mount, "cancel_subscription", &it.id, "", "Cancel now");
        if it.cancel_asked_at.is_some() {
            html += "<p>It ends with its period.</p>";
        } else {
            html += &button(mount, "cancel_later", &it.id, "", "Cancel at the end of the period");
        }
    }
    let invoices: Vec<&Invoice> =
        state.invoices_of(&it.customer).into_iter().filter(|invoice| invoice.subscription == it.id).collect();
    for invoice in invoices.iter().filter(|invoice| state.is_payable(invoice)) {
        html += &open(mount, invoice);
    }
    for invoice in invoices.iter().rev().take(MAX_LISTED[1]) {
        html += &settled(state, mount, invoice);
    }
    html + "</article>"
}

fn open(mount: &str, invoice: &Invoice) -> String {
    let (id, amount) = (escape(&invoice.id), dollars(invoice.amount_cents));
    let tries = match invoice.attempts {
        1 => "1 try".to_owned(),
        attempts => format!("{attempts} tries"),
    };
    format!("<p>Open invoice of {amount}, {tries} <code>{id}</code></p>")
        + &button(mount, "pay_invoice", &invoice.id, "", "Pay the open invoice")
        + &button(mount, "void_invoice", &invoice.id, "", "Void the invoice")
        + &button(mount, "give_up_invoice", &invoice.id, "", "Give the invoice up")
}

/// What can be done about a paid invoice's payment.
fn settled(state: &State, mount: &str, invoice: &Invoice) -> String {
    let Settlement::Paid { at, payment_intent: Some(intent) } = &invoice.settlement else { return String::new() };
    let (item, amount) = (escape(&invoice.item), dollars(invoice.amount_cents));
    let rest = paid(state, mount, intent, invoice.amount_cents);
    format!("<p>{item}, {amount}: paid on {}</p>{rest}", day(*at))
}
