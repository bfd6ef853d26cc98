//! The desk: everything that happens to payments after they were made, or does not, at the press of a button.

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
    sessions::{Progress, Sells, Session},
    state::{Dispute, Event, Refund, Standing, State},
};

/// How many payments and events are listed.
const MAX_LISTED: [usize; 2] = [100, 50];
const DELIVERIES: [(Delivery, &str, &str); 4] = [
    (Delivery::Once, "once", "Each event once, in order"),
    (Delivery::Twice, "twice", "Each event twice"),
    (Delivery::Shuffled, "shuffled", "In random order, each one to three times"),
    (Delivery::Held, "held", "Nothing is delivered"),
];
const FAULTS: [(Fault, &str, &str); 3] = [
    (Fault::None, "none", "The API works"),
    (Fault::Hang, "hang", "The API does not answer"),
    (Fault::Error500, "error_500", "The API answers with status 500"),
];

/// What a form says.
#[derive(Deserialize)]
struct Act {
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
    Router::new().route("/", get(show)).route("/act", post(act))
}

async fn show(Shared(sandbox): Shared<Sandbox>) -> Response {
    sandbox.tick();
    desk(&sandbox, StatusCode::OK, None)
}

async fn act(Shared(sandbox): Shared<Sandbox>, Form(act): Form<Act>) -> Response {
    match perform(&sandbox, &act) {
        // Nested in another router, the desk has no slash at its end.
        Ok(()) if sandbox.0.settings.mount.is_empty() => Redirect::to("/").into_response(),
        Ok(()) => Redirect::to(&sandbox.0.settings.mount).into_response(),
        Err(message) => desk(&sandbox, StatusCode::CONFLICT, Some(&message)),
    }
}

fn perform(sandbox: &Sandbox, act: &Act) -> Result<(), String> {
    let id = act.id.as_str();
    let done = match (act.action.as_str(), act.value.as_str()) {
        ("refund", _) => sandbox.refund(id, amount(sandbox, act)?),
        ("fail_refund", _) => sandbox.fail_refund(id),
        ("dispute", _) => sandbox.dispute(id),
        ("close_dispute", "won") => sandbox.close_dispute(id, true),
        ("close_dispute", "lost") => sandbox.close_dispute(id, false),
        ("clear", _) => sandbox.clear(id),
        ("bounce", _) => sandbox.bounce(id),
        ("expire", _) => sandbox.expire(id),
        ("card", "works") => sandbox.set_card(id, true),
        ("card", "fails") => sandbox.set_card(id, false),
        ("pay_invoice", _) => sandbox.pay_invoice(id),
        ("void_invoice", _) => sandbox.void_invoice(id),
        ("give_up_invoice", _) => sandbox.give_up_invoice(id),
        ("cancel_subscription", _) => sandbox.cancel_subscription(id),
        ("cancel_later", _) => sandbox.cancel_later(id),
        ("redeliver", _) => sandbox.redeliver(id),
        ("delivery", value) => {
            let chosen = DELIVERIES.iter().find(|it| it.1 == value).ok_or("There is no such way to deliver.")?;
            sandbox.set_delivery(chosen.0);
            Ok(())
        }
        ("fault", value) => {
            let chosen = FAULTS.iter().find(|it| it.1 == value).ok_or("There is no such fault.")?;
            sandbox.set_fault(chosen.0);
            Ok(())
        }
        _ => return Err("There is no such button.".into()),
    };
    done.map_err(|error| error.to_string())
}

/// What is to be refunded: the rest, unless it is said.
fn amount(sandbox: &Sandbox, act: &Act) -> Result<u64, String> {
    if !act.amount_cents.is_empty() {
        return act.amount_cents.parse().map_err(|_| "The amount must be a whole number of cents.".into());
    }
    let state = sandbox.state();
    let all = state.payments.get(&act.id).map_or(0, |payment| payment.amount_cents);
    Ok(all.saturating_sub(state.refunded_cents(&act.id)))
}

fn desk(sandbox: &Sandbox, status: StatusCode, message: Option<&str>) -> Response {
    let (mount, now) = (escape(&sandbox.0.settings.mount), sandbox.now());
    let (delivery, fault) = sandbox.switches();
    let state = sandbox.state();
    let [payments, events] = MAX_LISTED;
    let mut sessions: Vec<&Session> = state.sessions.values().collect();
    sessions.sort_by_key(|session| std::cmp::Reverse(session.number));
    let sessions: String = sessions.into_iter().take(payments).map(|it| payment(&state, &mount, it, now)).collect();
    let sessions = if sessions.is_empty() { "<p>None yet.</p>".into() } else { sessions };
    let events: String = state.events.iter().rev().take(events).map(|it| event(&mount, it)).collect();
    let events = if events.is_empty() { "<p>None yet.</p>".into() } else { format!("<ul>{events}</ul>") };
    let content = format!(
        "{}<h2>Payments</h2>{sessions}<h2>Subscriptions</h2>{}<h2>Events</h2>{events}<h2>Behaviour</h2>{}{}",
        message.map(alert).unwrap_or_default(),
        subscriptions::section(&state, &mount),
        radios(&mount, "delivery", "Delivery of events", &DELIVERIES, delivery),
        radios(&mount, "fault", "Fault", &FAULTS, fault),
    );
    page(status, "Sandbox Stripe", &content)
}

fn payment(state: &State, mount: &str, session: &Session, now: i64) -> String {
    let id = escape(&session.id);
    let item = match &session.sells {
        Sells::Payment(sale) => escape(&sale.item),
        Sells::Subscription(signup) => format!("Subscription to {}", escape(&signup.price.name)),
    };
    let status = match session.progress {
        Progress::Open if session.is_open(now) => "open",
        Progress::Open => "past its time",
        Progress::Expired => "expired",
        Progress::Processing { .. } => "complete, waiting for the bank",
        Progress::Paid { .. } => "paid",
        Progress::Bounced { .. } => "complete, the bank did not pay",
    };
    let rest = match &session.progress {
        Progress::Open => {
            let expire = button(mount, "expire", &session.id, "", "Expire");
            let link = format!(r#"<a href="{mount}/pay/{id}">Go to checkout<span class="unseen"> {id}</span></a>"#);
            if session.is_open(now) { link + &expire } else { expire }
        }
        Progress::Processing { .. } => {
            button(mount, "clear", &session.id, "", "The bank pays")
                + &button(mount, "bounce", &session.id, "", "The bank bounces")
        }
        Progress::Paid { .. } => {
            let paid = |intent| paid(state, mount, intent, session.amount_cents());
            session.payment_intent().map(paid).unwrap_or_default()
        }
        Progress::Expired | Progress::Bounced { .. } => String::new(),
    };
    format!(
        r#"<article aria-labelledby="{id}"><h3 id="{id}">{item}, {}: {status}</h3><p><code>{id}</code></p>{rest}</article>"#,
        dollars(session.amount_cents()),
    )
}

fn paid(state: &State, mount: &str, payment_intent: &str, amount_cents: u64) -> String {
    let intent = escape(payment_intent);
    let mut html = format!("<p><code>{intent}</code></p>");
    let rest_cents = amount_cents.saturating_sub(state.refunded_cents(payment_intent));
    if rest_cents > 0 {
        let field = format!(
            r#"<label>Cents to refund
<input type="number" name="amount_cents" min="1" max="{rest_cents}" value="{rest_cents}" inputmode="numeric"></label>
"#
        );
        html += &form(mount, "refund", payment_intent, &(field + &submit("Refund", payment_intent)));
    }
    let mut refunds: Vec<&Refund> = state.refunds.values().filter(|it| it.payment_intent == payment_intent).collect();
    refunds.sort_by_key(|refund| refund.number);
    for refund in refunds {
        let (id, amount) = (escape(&refund.id), dollars(refund.amount_cents));
        let status = if refund.failed { "failed" } else { "succeeded" };
        html += &format!("<p>Refund of {amount}: {status} <code>{id}</code></p>");
        if !refund.failed {
            html += &button(mount, "fail_refund", &refund.id, "", "Let the refund fail");
        }
    }
    let mut disputes: Vec<&Dispute> =
        state.disputes.values().filter(|it| it.payment_intent == payment_intent).collect();
    disputes.sort_by_key(|dispute| dispute.number);
    let is_disputed = disputes.iter().any(|dispute| dispute.standing == Standing::NeedsResponse);
    for dispute in disputes {
        let status = match dispute.standing {
            Standing::NeedsResponse => "open",
            Standing::Won => "won",
            Standing::Lost => "lost",
        };
        html += &format!("<p>Dispute: {status} <code>{}</code></p>", escape(&dispute.id));
        if dispute.standing == Standing::NeedsResponse {
            html += &button(mount, "close_dispute", &dispute.id, "won", "Win the dispute");
            html += &button(mount, "close_dispute", &dispute.id, "lost", "Lose the dispute");
        }
    }
    if !is_disputed {
        html += &button(mount, "dispute", payment_intent, "", "Dispute");
    }
    html
}

fn event(mount: &str, event: &Event) -> String {
    let (kind, id) = (escape(&event.kind), escape(&event.id));
    let status = if event.is_delivered() { "delivered" } else { "not delivered" };
    let again = button(mount, "redeliver", &event.id, "", "Deliver again");
    format!("<li><strong>{kind}</strong>: {status}<br><code>{id}</code>{again}</li>")
}

fn radios<T: Copy + PartialEq>(mount: &str, action: &str, legend: &str, all: &[(T, &str, &str)], chosen: T) -> String {
    let radio = |&(choice, value, label): &(T, &str, &str)| {
        let checked = if choice == chosen { " checked" } else { "" };
        format!(r#"<label><input type="radio" name="value" value="{value}"{checked}> {label}</label>"#)
    };
    let radios: String = all.iter().map(radio).collect();
    let fields = format!(
        r#"<fieldset><legend>{legend}</legend>{radios}</fieldset><button>Set<span class="unseen"> {action}</span></button>"#
    );
    form(mount, action, "", &fields)
}

fn button(mount: &str, action: &str, id: &str, value: &str, label: &str) -> String {
    let value = format!(r#"<input type="hidden" name="value" value="{}">"#, escape(value));
    form(mount, action, id, &(value + &submit(label, id)))
}

/// A button that says to those who do not see where it stands what it is for.
fn submit(label: &str, id: &str) -> String {
    format!(r#"<button>{label}<span class="unseen"> {}</span></button>"#, escape(id))
}

fn form(mount: &str, action: &str, id: &str, fields: &str) -> String {
    let id = escape(id);
    format!(
        r#"<form method="post" action="{mount}/act">
<input type="hidden" name="action" value="{action}"><input type="hidden" name="id" value="{id}">{fields}
</form>
"#
    )
}
