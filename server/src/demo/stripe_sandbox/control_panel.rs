//! The control panel: the page that simulates what happens to payments, subscriptions and webhooks.

mod actions;
mod by_hand;
mod forms;
mod payments;
mod subscription_settings;
mod subscriptions;

use std::collections::BTreeMap;

use axum::{
    Form, Router,
    extract::State as Shared,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};

use self::forms::{button, radio_form};
use super::{
    Delivery, Fault, Sandbox,
    html::{alert, escape, page},
    records::Event,
};

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

/// The fields of a submitted form.
struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Returns a field's value: empty if it is missing.
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Returns a field's value as a whole number, or `None` if it is empty.
    fn number(&self, name: &str) -> Result<Option<u64>, String> {
        match self.get(name) {
            "" => Ok(None),
            value => value.parse().map(Some).map_err(|_| format!("{name} must be a whole number.")),
        }
    }
}

pub(super) fn routes() -> Router<Sandbox> {
    Router::new().route("/", get(show)).route("/actions", post(submit))
}

async fn show(Shared(sandbox): Shared<Sandbox>) -> Response {
    sandbox.tick();
    control_panel(&sandbox, StatusCode::OK, None)
}

async fn submit(Shared(sandbox): Shared<Sandbox>, Form(fields): Form<BTreeMap<String, String>>) -> Response {
    match actions::perform(&sandbox, &Fields(fields)) {
        // Nested in another router, the page's URL has no trailing slash.
        Ok(()) if sandbox.0.settings.mount.is_empty() => Redirect::to("/").into_response(),
        Ok(()) => Redirect::to(&sandbox.0.settings.mount).into_response(),
        Err(message) => control_panel(&sandbox, StatusCode::CONFLICT, Some(&message)),
    }
}

fn control_panel(sandbox: &Sandbox, status: StatusCode, message: Option<&str>) -> Response {
    let (mount, now) = (escape(&sandbox.0.settings.mount), sandbox.now());
    let (delivery, fault) = sandbox.switches();
    let state = sandbox.state();
    let events: String = state.events.iter().rev().take(MAX_EVENTS).map(|it| event_item(&mount, it)).collect();
    let events = if events.is_empty() { "<p>No events yet.</p>".into() } else { format!("<ul>{events}</ul>") };
    let content = format!(
        "{}<h2>Payments</h2>{}<h2>Subscriptions</h2>{}<h2>By hand</h2>{}<h2>Events</h2>{events}<h2>Settings</h2>{}{}",
        message.map(alert).unwrap_or_default(),
        payments::section(&state, &mount, now),
        subscriptions::section(&state, &mount),
        by_hand::section(&state, &mount),
        radio_form(&mount, "delivery", "Event delivery", &DELIVERIES, delivery),
        radio_form(&mount, "fault", "API fault", &FAULTS, fault),
    );
    page(status, "Control panel", &content)
}

fn event_item(mount: &str, event: &Event) -> String {
    let (kind, id) = (escape(&event.kind), escape(&event.id));
    let status = if event.is_delivered() { "delivered" } else { "not delivered" };
    let resend = button(mount, "redeliver", &event.id, "", "Resend");
    format!("<li><strong>{kind}</strong>: {status}<br><code>{id}</code>{resend}</li>")
}
