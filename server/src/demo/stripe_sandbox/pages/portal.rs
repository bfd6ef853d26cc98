//! What a customer sees of a plan: the portal, and the page of an invoice.

use axum::{
    Form, Router,
    extract::{Path, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use brightmeter::billing::money::dollars;
use serde::Deserialize;

use crate::demo::stripe_sandbox::{
    Sandbox, SandboxError,
    html::{alert, day, escape, missing, page},
    plans::{Invoice, Status, Subscription},
    state::State,
};

/// How many invoices are listed.
const MAX_LISTED: usize = 12;

/// What a form says.
#[derive(Deserialize)]
struct Act {
    #[serde(default)]
    action: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    value: String,
}

pub(super) fn routes() -> Router<Sandbox> {
    Router::new().route("/portal/{id}", get(show_portal).post(act)).route("/invoices/{id}", get(show_invoice).post(pay))
}

async fn show_portal(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>) -> Response {
    sandbox.tick();
    portal(&sandbox, &id, StatusCode::OK, None)
}

async fn act(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>, Form(act): Form<Act>) -> Response {
    let customer = sandbox.state().portals.get(&id).map(|portal| portal.customer.clone());
    let Some(customer) = customer else { return missing("visit") };
    let done = match (act.action.as_str(), act.value.as_str()) {
        ("pay_invoice", _) if is_of(&sandbox, &act.id, &customer) => sandbox.pay_invoice(&act.id),
        ("pay_invoice", _) => Err(SandboxError::Unknown("invoice", act.id)),
        ("card", "works") => sandbox.set_card(&customer, true),
        ("card", "fails") => sandbox.set_card(&customer, false),
        _ => return portal(&sandbox, &id, StatusCode::BAD_REQUEST, Some("There is no such button.")),
    };
    match done {
        Ok(()) => Redirect::to(&format!("{}/portal/{id}", sandbox.0.settings.mount)).into_response(),
        Err(error) => portal(&sandbox, &id, StatusCode::CONFLICT, Some(&error.to_string())),
    }
}

async fn show_invoice(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>) -> Response {
    sandbox.tick();
    invoice(&sandbox, &id, StatusCode::OK, None)
}

async fn pay(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>) -> Response {
    match sandbox.pay_invoice(&id) {
        Ok(()) => Redirect::to(&format!("{}/invoices/{id}", sandbox.0.settings.mount)).into_response(),
        Err(error) => invoice(&sandbox, &id, StatusCode::CONFLICT, Some(&error.to_string())),
    }
}

/// Nobody pays another customer's invoices from here.
fn is_of(sandbox: &Sandbox, invoice: &str, customer: &str) -> bool {
    sandbox.state().invoices.get(invoice).is_some_and(|it| it.customer == customer)
}

fn portal(sandbox: &Sandbox, id: &str, status: StatusCode, message: Option<&str>) -> Response {
    let state = sandbox.state();
    let Some(visit) = state.portals.get(id) else { return missing("visit") };
    let action = format!("{}/portal/{}", escape(&sandbox.0.settings.mount), escape(id));
    let name = state.customers.get(&visit.customer).and_then(|customer| customer.name.as_deref()).unwrap_or_default();
    let subscriptions = state.subscriptions_of(&visit.customer).into_iter().filter(|it| it.ended_at().is_none());
    let subscriptions: String = subscriptions.map(subscription).collect();
    let invoices = state.invoices_of(&visit.customer);
    let unpaid = invoices.iter().filter(|it| state.is_payable(it));
    let unpaid: String = unpaid.map(|it| to_pay(&action, it)).collect();
    let unpaid = if unpaid.is_empty() { unpaid } else { format!("<h2>To pay</h2>{unpaid}") };
    let recent: String = invoices.iter().rev().take(MAX_LISTED).map(|it| listed(it)).collect();
    let content = format!(
        r#"{}<p>{}</p><h2>Subscription</h2>{}{unpaid}<h2>Card</h2>{}<h2>Invoices</h2>{}
<p><a href="{}">Back to the shop</a></p>"#,
        message.map(alert).unwrap_or_default(),
        escape(name),
        or_none(subscriptions),
        card(&state, &action, &visit.customer),
        if recent.is_empty() { or_none(recent) } else { format!("<ul>{recent}</ul>") },
        escape(&visit.return_url),
    );
    page(status, "Customer portal", &content)
}

fn or_none(html: String) -> String {
    if html.is_empty() { "<p>None.</p>".into() } else { html }
}

fn subscription(it: &Subscription) -> String {
    let (label, end) = (escape(&it.price.label()), day(it.period.end));
    let next = match it.status {
        Status::Incomplete => "The bank has been asked for the first payment.".to_owned(),
        _ if it.cancel_asked_at.is_some() => format!("Ends on {end}."),
        Status::Trialing => format!("Free until {end}, when the first payment is due."),
        Status::PastDue => format!("Past due. Next payment on {end}."),
        _ => format!("Next payment on {end}."),
    };
    format!("<article><h3>{label}</h3><p>{next}</p></article>")
}

fn to_pay(action: &str, invoice: &Invoice) -> String {
    let (id, item, amount) = (escape(&invoice.id), escape(&invoice.item), dollars(invoice.amount_cents));
    format!(
        r#"<article><h3>{item}, {amount}</h3><p>Since {}</p><form method="post" action="{action}">
<input type="hidden" name="action" value="pay_invoice"><input type="hidden" name="id" value="{id}">
<button class="first">Pay<span class="unseen"> {id}</span></button>
</form></article>"#,
        day(invoice.created),
    )
}

fn card(state: &State, action: &str, customer: &str) -> String {
    let works = state.card_works(customer);
    let radio = |value: &str, label: &str, is_so: bool| {
        let checked = if is_so { " checked" } else { "" };
        format!(r#"<label><input type="radio" name="value" value="{value}"{checked}> {label}</label>"#)
    };
    format!(
        r#"<form method="post" action="{action}"><input type="hidden" name="action" value="card">
<fieldset><legend>What happens when a plan is to be paid</legend>{}{}</fieldset><button>Set</button>
</form>"#,
        radio("works", "Card works", works),
        radio("fails", "Card will be declined", !works),
    )
}

fn listed(invoice: &Invoice) -> String {
    let (item, amount, status) = (escape(&invoice.item), dollars(invoice.amount_cents), invoice.status());
    format!("<li>{}: {item}, {amount}, {status}<br><code>{}</code></li>", day(invoice.created), escape(&invoice.id))
}

fn invoice(sandbox: &Sandbox, id: &str, status: StatusCode, message: Option<&str>) -> Response {
    let state = sandbox.state();
    let Some(it) = state.invoices.get(id) else { return missing("invoice") };
    let pay = if state.is_payable(it) {
        let (mount, id) = (escape(&sandbox.0.settings.mount), escape(id));
        let button = r#"<button class="first">Pay</button>"#;
        format!(r#"<form method="post" action="{mount}/invoices/{id}">{button}</form>"#)
    } else {
        String::new()
    };
    let content = format!(
        r#"{}<p>{}, {}: {}</p><p class="amount">{}</p>{pay}<p><code>{}</code></p>"#,
        message.map(alert).unwrap_or_default(),
        escape(&it.item),
        day(it.created),
        it.status(),
        dollars(it.amount_cents),
        escape(id),
    );
    page(status, "Invoice", &content)
}
