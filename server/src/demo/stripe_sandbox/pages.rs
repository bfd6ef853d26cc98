//! The customer's pages: Checkout and receipts.

mod pdf;
pub(super) mod portal;

use axum::{
    Form, Router,
    extract::{Path, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde::Deserialize;

use super::{
    Sandbox,
    billing_records::Price,
    html::{alert, escape, missing, page},
    money::money,
    records::{Progress, Sale, Session, SessionMode, Signup},
};

const CARD_DECLINED_TEXT: &str = "The card was declined. Nothing was charged.";

#[derive(Deserialize)]
struct ActionForm {
    #[serde(default)]
    action: String,
    /// The discount of a promotion code.
    #[serde(default)]
    percent: u8,
}

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/pay/{session}", get(show_checkout).post(submit_checkout))
        .route("/receipts/{charge}", get(show_receipt))
        .merge(portal::routes())
}

async fn show_checkout(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>) -> Response {
    sandbox.tick();
    checkout(&sandbox, &id, StatusCode::OK, None)
}

async fn submit_checkout(
    Shared(sandbox): Shared<Sandbox>,
    Path(id): Path<String>,
    Form(form): Form<ActionForm>,
) -> Response {
    let Some(session) = find(&sandbox, &id) else { return missing("checkout") };
    let (result, target) = match form.action.as_str() {
        "pay" => (sandbox.pay(&id), Some(session.return_url())),
        "later" => (sandbox.pay_later(&id), Some(session.return_url())),
        "decline" => (sandbox.decline(&id), None),
        "discount" if session.options.allows_promotion_codes => {
            let page = format!("{}/pay/{id}", sandbox.0.settings.mount);
            (sandbox.discount_session(&id, form.percent), Some(page))
        }
        "cancel" if session.cancel_url.is_some() => (Ok(()), session.cancel_url),
        _ => return checkout(&sandbox, &id, StatusCode::BAD_REQUEST, Some("Unknown action.")),
    };
    match (result, target) {
        (Ok(()), Some(url)) => Redirect::to(&url).into_response(),
        (Ok(()), None) => checkout(&sandbox, &id, StatusCode::OK, Some(CARD_DECLINED_TEXT)),
        (Err(error), _) => checkout(&sandbox, &id, StatusCode::CONFLICT, Some(&error.to_string())),
    }
}

async fn show_receipt(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>) -> Response {
    let state = sandbox.state();
    let paid = state.payments.values().find(|payment| payment.charge.as_ref().is_some_and(|charge| charge.id == id));
    let Some(payment) = paid else { return missing("receipt") };
    let (item, amount) = (escape(&payment.item), money(payment.amount_cents, &payment.currency));
    let refunded = match state.refunded_cents(&payment.id) {
        0 => String::new(),
        cents => format!("<p>Refunded: {}</p>", money(cents, &payment.currency)),
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
    let item = match &session.mode {
        SessionMode::Payment(Sale { item, quantity: 1, .. }) => escape(item),
        SessionMode::Payment(Sale { item, quantity, .. }) => format!("{quantity} × {}", escape(item)),
        SessionMode::Subscription(Signup { price, trial_days, .. }) => plan_text(price, *trial_days),
    };
    let (amount, note) = (session.amount(), session.totals().note(session.currency()));
    let rest = if session.is_open(sandbox.now()) { payment_form(sandbox, &session) } else { result_text(&session) };
    page(status, "Checkout", &format!(r#"{alert}<p>{item}</p><p class="amount">{amount}</p>{note}{rest}"#))
}

fn plan_text(price: &Price, trial_days: Option<u32>) -> String {
    let price = escape(&price.label());
    match trial_days {
        None => price,
        Some(1) => format!("1 day free, then {price}"),
        Some(days) => format!("{days} days free, then {price}"),
    }
}

fn payment_form(sandbox: &Sandbox, session: &Session) -> String {
    let cancel = match session.cancel_url {
        Some(_) => r#"<button name="action" value="cancel">Cancel</button>"#,
        None => "",
    };
    format!(
        r#"<form method="post" action="{}/pay/{}">
<button class="first" name="action" value="pay">Pay</button>
<button name="action" value="decline">Pay with a declined card</button>
<button name="action" value="later">Pay by bank debit</button>
{cancel}
</form>{}"#,
        escape(&sandbox.0.settings.mount),
        escape(&session.id),
        if session.options.allows_promotion_codes { promotion_form(sandbox, session) } else { String::new() },
    )
}

fn promotion_form(sandbox: &Sandbox, session: &Session) -> String {
    format!(
        r#"<form method="post" action="{}/pay/{}">
<label>Discount in percent<input type="number" name="percent" min="0" max="100" value="100" inputmode="numeric"></label>
<button name="action" value="discount">Apply promotion code</button>
</form>"#,
        escape(&sandbox.0.settings.mount),
        escape(&session.id),
    )
}

fn result_text(session: &Session) -> String {
    let text = match session.progress {
        Progress::Open | Progress::Expired => "This checkout has expired. Nothing was charged.",
        Progress::Processing { .. } => "This checkout is complete. The bank debit is pending.",
        Progress::Free => "This checkout is complete. There was nothing to pay.",
        Progress::Paid { .. } if session.payment_status() == "paid" => "This checkout is paid.",
        Progress::Paid { .. } if session.percent_off == 100 => "This checkout is complete. There was nothing to pay.",
        Progress::Paid { .. } => "This checkout is complete. Nothing is charged until the trial ends.",
        Progress::Failed { .. } => "This checkout is complete, but the bank debit failed.",
    };
    format!(r#"<p>{text}</p><p><a href="{}">Return to Brightmeter</a></p>"#, escape(&session.return_url()))
}
