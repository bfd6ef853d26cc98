//! What whoever pays sees: the page to pay on, and the receipt.

mod portal;

use axum::{
    Form, Router,
    extract::{Path, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use brightmeter::billing::money::dollars;
use serde::Deserialize;

use super::{
    Sandbox,
    html::{alert, escape, missing, page},
    plans::Price,
    sessions::{Progress, Sale, Sells, Session, Signup},
};

const DECLINED: &str = "The card was declined. Nothing was charged.";

#[derive(Deserialize)]
struct Chosen {
    #[serde(default)]
    action: String,
}

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/pay/{session}", get(show).post(choose))
        .route("/receipts/{charge}", get(receipt))
        .merge(portal::routes())
}

async fn show(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>) -> Response {
    sandbox.tick();
    checkout(&sandbox, &id, StatusCode::OK, None)
}

async fn choose(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>, Form(chosen): Form<Chosen>) -> Response {
    let Some(session) = find(&sandbox, &id) else { return missing("checkout") };
    let (done, goes_to) = match chosen.action.as_str() {
        "pay" => (sandbox.pay(&id), Some(session.return_address())),
        "later" => (sandbox.pay_later(&id), Some(session.return_address())),
        "decline" => (sandbox.decline(&id), None),
        "cancel" if session.cancel_url.is_some() => (Ok(()), session.cancel_url),
        _ => return checkout(&sandbox, &id, StatusCode::BAD_REQUEST, Some("There is no such way to pay.")),
    };
    match (done, goes_to) {
        (Ok(()), Some(address)) => Redirect::to(&address).into_response(),
        (Ok(()), None) => checkout(&sandbox, &id, StatusCode::OK, Some(DECLINED)),
        (Err(error), _) => checkout(&sandbox, &id, StatusCode::CONFLICT, Some(&error.to_string())),
    }
}

async fn receipt(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>) -> Response {
    let state = sandbox.state();
    let paid = state.payments.values().find(|payment| payment.charge.as_ref().is_some_and(|charge| charge.id == id));
    let Some(payment) = paid else { return missing("receipt") };
    let (item, amount) = (escape(&payment.item), dollars(payment.amount_cents));
    let refunded = match state.refunded_cents(&payment.id) {
        0 => String::new(),
        cents => format!("<p>Refunded: {}</p>", dollars(cents)),
    };
    let id = escape(&id);
    let content = format!(r#"<p>{item}</p><p class="amount">{amount}</p>{refunded}<p><code>{id}</code></p>"#);
    page(StatusCode::OK, "Receipt", &content)
}

fn find(sandbox: &Sandbox, id: &str) -> Option<Session> {
    sandbox.state().sessions.get(id).cloned()
}

fn checkout(sandbox: &Sandbox, id: &str, status: StatusCode, message: Option<&str>) -> Response {
    let Some(session) = find(sandbox, id) else { return missing("checkout") };
    let alert = message.map(alert).unwrap_or_default();
    let item = match &session.sells {
        Sells::Payment(Sale { item, quantity: 1, .. }) => escape(item),
        Sells::Payment(Sale { item, quantity, .. }) => format!("{quantity} × {}", escape(item)),
        Sells::Subscription(Signup { price, trial_days, .. }) => plan(price, *trial_days),
    };
    let amount = dollars(session.amount_cents());
    let rest = if session.is_open(sandbox.now()) { choices(sandbox, &session) } else { outcome(&session) };
    page(status, "Checkout", &format!(r#"{alert}<p>{item}</p><p class="amount">{amount}</p>{rest}"#))
}

fn plan(price: &Price, trial_days: Option<u32>) -> String {
    let price = escape(&price.label());
    match trial_days {
        None => price,
        Some(1) => format!("1 day free, then {price}"),
        Some(days) => format!("{days} days free, then {price}"),
    }
}

fn choices(sandbox: &Sandbox, session: &Session) -> String {
    let cancel = match session.cancel_url {
        Some(_) => r#"<button name="action" value="cancel">Cancel</button>"#,
        None => "",
    };
    format!(
        r#"<form method="post" action="{}/pay/{}">
<button class="first" name="action" value="pay">Pay</button>
<button name="action" value="decline">Card is declined</button>
<button name="action" value="later">Pay by bank debit</button>
{cancel}
</form>"#,
        escape(&sandbox.0.settings.mount),
        escape(&session.id),
    )
}

fn outcome(session: &Session) -> String {
    let told = match session.progress {
        Progress::Open | Progress::Expired => "This checkout has expired. Nothing was charged.",
        Progress::Processing { .. } => "This checkout is complete. The bank has been asked for the money.",
        Progress::Paid { .. } if session.payment_status() == "paid" => "This checkout is paid.",
        Progress::Paid { .. } => "This checkout is complete. Nothing is charged before the trial ends.",
        Progress::Bounced { .. } => "This checkout is complete, but the bank did not pay.",
    };
    format!(r#"<p>{told}</p><p><a href="{}">Back to the shop</a></p>"#, escape(&session.return_address()))
}
