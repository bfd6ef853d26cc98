//! `POST /stripe/webhook`: what Stripe tells. Stored before it is answered, so that nothing is lost, and answered before it is
//! acted on, so that Stripe never waits.

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::HeaderMap,
};
use serde_json::{Value, json};

use crate::{
    http::{
        AppState,
        api::{extract::unread, problem::Problem},
    },
    storage::stripe_events,
    stripe::{event::Event, signature::SignatureError},
};

/// How large an event may be, in bytes.
pub(in crate::http) const MAX_EVENT_BYTES: usize = 1 << 20;

pub(in crate::http) async fn receive(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let secret = state.webhook_secret.as_ref().ok_or(Problem::NotFound)?;
    let body = body.map_err(|rejection| unread(rejection, MAX_EVENT_BYTES))?;
    let now = state.clock.now();
    let header = headers.get("stripe-signature").and_then(|header| header.to_str().ok());
    header
        .ok_or(SignatureError::Malformed)
        .and_then(|header| secret.verify(header, &body, now))
        .map_err(Problem::Signature)?;
    let payload = String::from_utf8(body.into()).ok().filter(|payload| !payload.contains('\0'));
    let payload = payload.ok_or_else(|| Problem::Malformed("The body is no text in UTF-8.".into()))?;
    let event = Event::read(payload);
    let mut conn = state.pool.acquire().await?;
    let new = stripe_events::insert(&mut conn, &event, now).await?;
    state.purchases.news.notify_one();
    tracing::info!(event = event.id, kind = event.kind, new, "Stripe told something");
    Ok(Json(json!({ "received": true })))
}
