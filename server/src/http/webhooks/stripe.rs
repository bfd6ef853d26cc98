//! `POST /api/v1/stripe/webhook`: receives Stripe's events. An event is stored before the response, so that none is lost, and
//! processed after it, so that Stripe never waits.

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::HeaderMap,
};
use serde_json::{Value, json};

use crate::{
    http::{problem::Problem, state::AppState},
    service::inbox,
    stripe::{event::Event, signature::SignatureError},
};

/// The largest event, in bytes.
pub(in crate::http) const MAX_EVENT_BYTES: usize = 1 << 20;

/// Stores a signed event. Responds 404 if the server has no webhook secret.
pub(in crate::http) async fn receive(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let secret = state.webhook_secret.as_ref().ok_or(Problem::NotFound)?;
    let body = body.map_err(|rejection| Problem::of_body(rejection, MAX_EVENT_BYTES))?;
    let now = state.clock.now();
    let header = headers.get("stripe-signature").and_then(|header| header.to_str().ok());
    header
        .ok_or(SignatureError::Malformed)
        .and_then(|header| secret.verify(header, &body, now))
        .map_err(Problem::Signature)?;
    let payload = String::from_utf8(body.into()).ok().filter(|payload| !payload.contains('\0'));
    let payload = payload.ok_or_else(|| Problem::Malformed("The body isn't UTF-8 text.".into()))?;
    let event = Event::read(payload);
    let new = inbox::record(&state.pool, &event, now).await?;
    state.purchases.new_events.notify_one();
    tracing::info!(event = event.id, kind = event.kind, new, "received a Stripe event");
    Ok(Json(json!({ "received": true })))
}
