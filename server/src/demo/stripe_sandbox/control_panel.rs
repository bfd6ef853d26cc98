//! The control panel: the page that simulates what happens to payments, subscriptions and webhooks.

mod subscriptions;

use axum::{
    Form, Router,
    extract::State as Shared,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use brightmeter::billing::money::dollars;
use serde::Deserialize;

use super::{
    Delivery, Fault, Sandbox,
    html::{alert, escape, page},
    records::{Dispute, DisputeStatus, Event, Progress, Refund, Session, SessionMode},
    state::State,
};

/// The most payments listed.
const MAX_PAYMENTS: usize = 100;
/// The most events listed.
const MAX_EVENTS: usize = 50;
const DELIVERIES: [(Delivery, &str, &str); 4] = [
    (Delivery::Once, "once", "Each event once, in order"),
    (Delivery::Twice, "twice", "Each event twice, in order"),
    (Delivery::Shuffled, "shuffled", "In random order, each event 1–3 times"),
    (Delivery::Held, "held", "Paused"),
];
const FAULTS: [(Fault, &str, &str); 3] = [
    (Fault::None, "none", "No fault"),
    (Fault::Hang, "hang", "API requests time out"),
    (Fault::Error500, "error_500", "API requests return status 500"),
];

#[derive(Deserialize)]
struct ActionForm {
    #[serde(default)]
    action: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    amount_cents: String,
    #[serde(default)]
    value: String,
}

pub(super) fn routes() -> Router<Sandbox> {
    Router::new().route("/", get(show)).route("/actions", post(submit))
}

async fn show(Shared(sandbox): Shared<Sandbox>) -> Response {
    sandbox.tick();
    control_panel(&sandbox, StatusCode::OK, None)
}

async fn submit(Shared(sandbox): Shared<Sandbox>, Form(form): Form<ActionForm>) -> Response {
    match perform(&sandbox, &form) {
        // Nested in another router, the page's URL has no trailing slash.
        Ok(()) if sandbox.0.settings.mount.is_empty() => Redirect::to("/").into_response(),
        Ok(()) => Redirect::to(&sandbox.0.settings.mount).into_response(),
        Err(message) => control_panel(&sandbox, StatusCode::CONFLICT, Some(&message)),
    }
}

fn perform(sandbox: &Sandbox, form: &ActionForm) -> Result<(), String> {
    let id = form.id.as_str();
    let result = match (form.action.as_str(), form.value.as_str()) {
        ("refund", _) => sandbox.refund(id, refund_cents(sandbox, form)?),
        ("fail_refund", _) => sandbox.fail_refund(id),
        ("dispute", _) => sandbox.dispute(id),
        ("close_dispute", "won") => sandbox.close_dispute(id, true),
        ("close_dispute", "lost") => sandbox.close_dispute(id, false),
        ("succeed_debit", _) => sandbox.succeed_debit(id),
        ("fail_debit", _) => sandbox.fail_debit(id),
        ("expire", _) => sandbox.expire(id),
        ("card", "works") => sandbox.set_card(id, true),
        ("card", "fails") => sandbox.set_card(id, false),
        ("pay_invoice", _) => sandbox.pay_invoice(id),
        ("void_invoice", _) => sandbox.void_invoice(id),
        ("mark_uncollectible", _) => sandbox.mark_uncollectible(id),
        ("cancel_subscription", _) => sandbox.cancel_subscription(id),
        ("cancel_at_period_end", _) => sandbox.cancel_at_period_end(id),
        ("redeliver", _) => sandbox.redeliver(id),
        ("delivery", value) => {
            let chosen = DELIVERIES.iter().find(|it| it.1 == value).ok_or("Unknown delivery mode.")?;
            sandbox.set_delivery(chosen.0);
            Ok(())
        }
        ("fault", value) => {
            let chosen = FAULTS.iter().find(|it| it.1 == value).ok_or("Unknown fault.")?;
            sandbox.set_fault(chosen.0);
            Ok(())
        }
        _ => return Err("Unknown action.".into()),
    };
    result.map_err(|error| error.to_string())
}

/// Returns the amount to refund: the rest of the payment if the form's field is empty.
fn refund_cents(sandbox: &Sandbox, form: &ActionForm) -> Result<u64, String> {
    if !form.amount_cents.is_empty() {
        return form.amount_cents.parse().map_err(|_| "The amount must be a whole number of cents.".into());
    }
    let state = sandbox.state();
    let all = state.payments.get(&form.id).map_or(0, |payment| payment.amount_cents);
    Ok(all.saturating_sub(state.refunded_cents(&form.id)))
}

fn control_panel(sandbox: &Sandbox, status: StatusCode, message: Option<&str>) -> Response {
    let (mount, now) = (escape(&sandbox.0.settings.mount), sandbox.now());
    let (delivery, fault) = sandbox.switches();
    let state = sandbox.state();
    let mut sessions: Vec<&Session> = state.sessions.values().collect();
    sessions.sort_by_key(|session| std::cmp::Reverse(session.number));
    let sessions: String =
        sessions.into_iter().take(MAX_PAYMENTS).map(|it| payment_article(&state, &mount, it, now)).collect();
    let sessions = if sessions.is_empty() { "<p>No payments yet.</p>".into() } else { sessions };
    let events: String = state.events.iter().rev().take(MAX_EVENTS).map(|it| event_item(&mount, it)).collect();
    let events = if events.is_empty() { "<p>No events yet.</p>".into() } else { format!("<ul>{events}</ul>") };
    let content = format!(
        "{}<h2>Payments</h2>{sessions}<h2>Subscriptions</h2>{}<h2>Events</h2>{events}<h2>Settings</h2>{}{}",
        message.map(alert).unwrap_or_default(),
        subscriptions::section(&state, &mount),
        radio_form(&mount, "delivery", "Event delivery", &DELIVERIES, delivery),
        radio_form(&mount, "fault", "API fault", &FAULTS, fault),
    );
    page(status, "Control panel", &content)
}

fn payment_article(state: &State, mount: &str, session: &Session, now: i64) -> String {
    let id = escape(&session.id);
    let item = match &session.mode {
        SessionMode::Payment(sale) => escape(&sale.item),
        SessionMode::Subscription(signup) => format!("Subscription to {}", escape(&signup.price.name)),
    };
    let status = match session.progress {
        Progress::Open if session.is_open(now) => "open",
        Progress::Open => "expired, event not sent yet",
        Progress::Expired => "expired",
        Progress::Processing { .. } => "complete, bank debit pending",
        Progress::Paid { .. } => "paid",
        Progress::Failed { .. } => "complete, bank debit failed",
    };
    let rest = match &session.progress {
        Progress::Open => {
            let expire = button(mount, "expire", &session.id, "", "Expire");
            let link = format!(r#"<a href="{mount}/pay/{id}">Go to checkout<span class="unseen"> {id}</span></a>"#);
            if session.is_open(now) { link + &expire } else { expire }
        }
        Progress::Processing { .. } => {
            button(mount, "succeed_debit", &session.id, "", "Bank debit succeeds")
                + &button(mount, "fail_debit", &session.id, "", "Bank debit fails")
        }
        Progress::Paid { .. } => {
            let actions = |intent| payment_actions(state, mount, intent, session.amount_cents());
            session.payment_intent().map(actions).unwrap_or_default()
        }
        Progress::Expired | Progress::Failed { .. } => String::new(),
    };
    format!(
        r#"<article aria-labelledby="{id}"><h3 id="{id}">{item}, {}: {status}</h3><p><code>{id}</code></p>{rest}</article>"#,
        dollars(session.amount_cents()),
    )
}

/// The refunds and disputes of a payment, and the forms to make more.
fn payment_actions(state: &State, mount: &str, payment_intent: &str, amount_cents: u64) -> String {
    let intent = escape(payment_intent);
    let mut html = format!("<p><code>{intent}</code></p>");
    let rest_cents = amount_cents.saturating_sub(state.refunded_cents(payment_intent));
    if rest_cents > 0 {
        let field = format!(
            r#"<label>Refund amount in cents
<input type="number" name="amount_cents" min="1" max="{rest_cents}" value="{rest_cents}" inputmode="numeric"></label>
"#
        );
        html += &form(mount, "refund", payment_intent, &(field + &submit_button("Refund", payment_intent)));
    }
    let mut refunds: Vec<&Refund> = state.refunds.values().filter(|it| it.payment_intent == payment_intent).collect();
    refunds.sort_by_key(|refund| refund.number);
    for refund in refunds {
        let (id, amount) = (escape(&refund.id), dollars(refund.amount_cents));
        let status = if refund.failed { "failed" } else { "succeeded" };
        html += &format!("<p>Refund of {amount}: {status} <code>{id}</code></p>");
        if !refund.failed {
            html += &button(mount, "fail_refund", &refund.id, "", "Fail refund");
        }
    }
    let mut disputes: Vec<&Dispute> =
        state.disputes.values().filter(|it| it.payment_intent == payment_intent).collect();
    disputes.sort_by_key(|dispute| dispute.number);
    let is_disputed = disputes.iter().any(|dispute| dispute.status == DisputeStatus::NeedsResponse);
    for dispute in disputes {
        let status = match dispute.status {
            DisputeStatus::NeedsResponse => "open",
            DisputeStatus::Won => "won",
            DisputeStatus::Lost => "lost",
        };
        html += &format!("<p>Dispute: {status} <code>{}</code></p>", escape(&dispute.id));
        if dispute.status == DisputeStatus::NeedsResponse {
            html += &button(mount, "close_dispute", &dispute.id, "won", "Win dispute");
            html += &button(mount, "close_dispute", &dispute.id, "lost", "Lose dispute");
        }
    }
    if !is_disputed {
        html += &button(mount, "dispute", payment_intent, "", "Dispute");
    }
    html
}

fn event_item(mount: &str, event: &Event) -> String {
    let (kind, id) = (escape(&event.kind), escape(&event.id));
    let status = if event.is_delivered() { "delivered" } else { "not delivered" };
    let resend = button(mount, "redeliver", &event.id, "", "Resend");
    format!("<li><strong>{kind}</strong>: {status}<br><code>{id}</code>{resend}</li>")
}

fn radio_form<T: Copy + PartialEq>(
    mount: &str,
    action: &str,
    legend: &str,
    all: &[(T, &str, &str)],
    chosen: T,
) -> String {
    let radio = |&(choice, value, label): &(T, &str, &str)| {
        let checked = if choice == chosen { " checked" } else { "" };
        format!(r#"<label><input type="radio" name="value" value="{value}"{checked}> {label}</label>"#)
    };
    let radios: String = all.iter().map(radio).collect();
    let fields = format!(
        r#"<fieldset><legend>{legend}</legend>{radios}</fieldset><button>Apply<span class="unseen"> {action}</span></button>"#
    );
    form(mount, action, "", &fields)
}

fn button(mount: &str, action: &str, id: &str, value: &str, label: &str) -> String {
    let value = format!(r#"<input type="hidden" name="value" value="{}">"#, escape(value));
    form(mount, action, id, &(value + &submit_button(label, id)))
}

/// A submit button. Screen readers also read the id, which tells equal labels apart.
fn submit_button(label: &str, id: &str) -> String {
    format!(r#"<button>{label}<span class="unseen"> {}</span></button>"#, escape(id))
}

fn form(mount: &str, action: &str, id: &str, fields: &str) -> String {
    let id = escape(id);
    format!(
        r#"<form method="post" action="{mount}/actions">
<input type="hidden" name="action" value="{action}"><input type="hidden" name="id" value="{id}">{fields}
</form>
"#
    )
}
