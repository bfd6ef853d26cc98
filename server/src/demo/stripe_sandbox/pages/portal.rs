//! The customer portal and the invoice page.

use axum::{
    Form, Router,
    extract::{Path, State as Shared},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde::Deserialize;

use super::pdf;
use crate::demo::stripe_sandbox::{
    Sandbox, SandboxError,
    billing_records::{Invoice, Subscription, SubscriptionStatus},
    collection::Card,
    html::{alert, day, escape, missing, page},
    state::State,
};

/// The most invoices listed.
const MAX_LISTED: usize = 12;

const DECLINED_TEXT: &str = "The payment failed. Nothing was charged.";
/// The choices of a card: form value, label, card.
const CARDS: [(&str, &str, Card); 4] = [
    ("works", "Card works", Card::Works),
    ("fails", "Card is declined", Card::Declined),
    ("needs_confirmation", "Card needs confirmation by the bank", Card::NeedsConfirmation),
    ("none", "No card", Card::None),
];

/// Returns the card that a form's value names.
pub(in crate::demo::stripe_sandbox) fn card_of(value: &str) -> Option<Card> {
    CARDS.iter().find(|it| it.0 == value).map(|it| it.2)
}

#[derive(Deserialize)]
struct ActionForm {
    #[serde(default)]
    action: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    value: String,
}

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/portal/{id}", get(show_portal).post(submit_portal))
        .route("/invoices/{id}", get(show_invoice).post(pay_invoice))
        .route("/invoices/{id}/pdf", get(show_pdf))
}

async fn show_portal(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>) -> Response {
    sandbox.tick();
    portal(&sandbox, &id, StatusCode::OK, None)
}

async fn submit_portal(
    Shared(sandbox): Shared<Sandbox>,
    Path(id): Path<String>,
    Form(form): Form<ActionForm>,
) -> Response {
    let customer = sandbox.state().portal_sessions.get(&id).map(|portal| portal.customer.clone());
    let Some(customer) = customer else { return missing("portal session") };
    let result = match (form.action.as_str(), form.value.as_str()) {
        ("pay_invoice", _) if belongs_to(&sandbox, &form.id, &customer) => sandbox.pay_invoice(&form.id),
        ("pay_invoice", _) => Err(SandboxError::Unknown("invoice", form.id)),
        ("card", value) if card_of(value).is_some() => sandbox.set_card(&customer, card_of(value).unwrap_or_default()),
        _ => return portal(&sandbox, &id, StatusCode::BAD_REQUEST, Some("Unknown action.")),
    };
    match result {
        Ok(()) => Redirect::to(&format!("{}/portal/{id}", sandbox.0.settings.mount)).into_response(),
        Err(error) => portal(&sandbox, &id, StatusCode::CONFLICT, Some(&error.to_string())),
    }
}

async fn show_invoice(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>) -> Response {
    sandbox.tick();
    invoice(&sandbox, &id, StatusCode::OK, None)
}

async fn show_pdf(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>) -> Response {
    match sandbox.state().invoices.get(&id) {
        Some(it) => {
            ([(CONTENT_TYPE, "application/pdf"), (CACHE_CONTROL, "no-store")], pdf::invoice(it)).into_response()
        }
        None => missing("invoice"),
    }
}

async fn pay_invoice(
    Shared(sandbox): Shared<Sandbox>,
    Path(id): Path<String>,
    Form(form): Form<ActionForm>,
) -> Response {
    let result = match form.action.as_str() {
        "decline" => sandbox.decline_invoice(&id),
        _ => sandbox.pay_invoice(&id),
    };
    match result {
        Ok(()) if form.action == "decline" => invoice(&sandbox, &id, StatusCode::OK, Some(DECLINED_TEXT)),
        Ok(()) => Redirect::to(&format!("{}/invoices/{id}", sandbox.0.settings.mount)).into_response(),
        Err(error) => invoice(&sandbox, &id, StatusCode::CONFLICT, Some(&error.to_string())),
    }
}

/// Whether the invoice is the customer's: the portal pays no others.
fn belongs_to(sandbox: &Sandbox, invoice: &str, customer: &str) -> bool {
    sandbox.state().invoices.get(invoice).is_some_and(|it| it.customer == customer)
}

fn portal(sandbox: &Sandbox, id: &str, status: StatusCode, message: Option<&str>) -> Response {
    let state = sandbox.state();
    let Some(session) = state.portal_sessions.get(id) else { return missing("portal session") };
    let action = format!("{}/portal/{}", escape(&sandbox.0.settings.mount), escape(id));
    let name = state.customers.get(&session.customer).and_then(|customer| customer.name.as_deref()).unwrap_or_default();
    let subscriptions = state.subscriptions_of(&session.customer).into_iter().filter(|it| it.ended_at().is_none());
    let subscriptions: String = subscriptions.map(subscription).collect();
    let invoices = state.invoices_of(&session.customer);
    let unpaid = invoices.iter().filter(|it| state.is_payable(it));
    let unpaid: String = unpaid.map(|it| unpaid_invoice(&action, it)).collect();
    let unpaid = if unpaid.is_empty() { unpaid } else { format!("<h2>Unpaid invoices</h2>{unpaid}") };
    let recent: String = invoices.iter().rev().take(MAX_LISTED).map(|it| invoice_item(it)).collect();
    let content = format!(
        r#"{}<p>{}</p><h2>Subscription</h2>{}{unpaid}<h2>Payment method</h2>{}<h2>Invoices</h2>{}
<p><a href="{}">Return to Brightmeter</a></p>"#,
        message.map(alert).unwrap_or_default(),
        escape(name),
        if subscriptions.is_empty() { "<p>No subscription.</p>".into() } else { subscriptions },
        card_form(&state, &action, &session.customer),
        if recent.is_empty() { "<p>No invoices yet.</p>".into() } else { format!("<ul>{recent}</ul>") },
        escape(&session.return_url),
    );
    page(status, "Customer portal", &content)
}

fn subscription(it: &Subscription) -> String {
    let (label, end) = (escape(&it.label()), day(it.period.end));
    let next = match it.status {
        SubscriptionStatus::Incomplete => "The bank debit for the first payment is pending.".to_owned(),
        _ if it.cancel_requested_at.is_some() => format!("Ends on {end}."),
        SubscriptionStatus::Trialing => format!("Free trial until {end}. The first payment is due then."),
        SubscriptionStatus::Paused => "Paused: the trial ended without a card.".to_owned(),
        SubscriptionStatus::PastDue => format!("Past due. Next payment on {end}."),
        _ => format!("Next payment on {end}."),
    };
    format!("<article><h3>{label}</h3><p>{next}</p></article>")
}

fn unpaid_invoice(action: &str, invoice: &Invoice) -> String {
    let (id, item, amount) = (escape(&invoice.id), escape(&invoice.item), invoice.amount());
    format!(
        r#"<article><h3>{item}, {amount}</h3><p>Issued on {}</p><form method="post" action="{action}">
<input type="hidden" name="action" value="pay_invoice"><input type="hidden" name="id" value="{id}">
<button class="first">Pay<span class="unseen"> {id}</span></button>
</form></article>"#,
        day(invoice.created),
    )
}

fn card_form(state: &State, action: &str, customer: &str) -> String {
    let card = state.card(customer);
    let radio = |&(value, label, it): &(&str, &str, Card)| {
        let checked = if it == card { " checked" } else { "" };
        format!(r#"<label><input type="radio" name="value" value="{value}"{checked}> {label}</label>"#)
    };
    let radios: String = CARDS.iter().map(radio).collect();
    format!(
        r#"<form method="post" action="{action}"><input type="hidden" name="action" value="card">
<fieldset><legend>When an invoice is due</legend>{radios}</fieldset><button>Set</button>
</form>"#
    )
}

fn invoice_item(invoice: &Invoice) -> String {
    let (item, amount, status) = (escape(&invoice.item), invoice.amount(), invoice.status.name());
    format!("<li>{}: {item}, {amount}, {status}<br><code>{}</code></li>", day(invoice.created), escape(&invoice.id))
}

fn invoice(sandbox: &Sandbox, id: &str, status: StatusCode, message: Option<&str>) -> Response {
    let state = sandbox.state();
    let Some(it) = state.invoices.get(id) else { return missing("invoice") };
    let pay = if state.is_payable(it) {
        let (mount, id) = (escape(&sandbox.0.settings.mount), escape(id));
        let [pay, decline] =
            if it.awaits_confirmation { ["Confirm", "Fail"] } else { ["Pay", "Pay with a declined card"] };
        format!(
            r#"<form method="post" action="{mount}/invoices/{id}">
<button class="first" name="action" value="pay">{pay}</button>
<button name="action" value="decline">{decline}</button>
</form>"#
        )
    } else {
        String::new()
    };
    let content = format!(
        r#"{}<p>{}, {}: {}</p><p class="amount">{}</p>{}{pay}<p><code>{}</code></p>"#,
        message.map(alert).unwrap_or_default(),
        escape(&it.item),
        day(it.created),
        it.status.name(),
        it.amount(),
        it.totals().note(&it.currency),
        escape(id),
    );
    page(status, "Invoice", &content)
}
