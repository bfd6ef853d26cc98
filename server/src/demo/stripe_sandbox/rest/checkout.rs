//! Checkout sessions.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State as Shared},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use serde_json::Value;

use super::{checkout_options, idempotency::idempotent, lists::read};
use crate::demo::stripe_sandbox::{
    Sandbox,
    error::ApiError,
    ids::new_id,
    objects,
    params::{AMOUNT_CENTS, Params, currency_code, required, web_url, whole_number},
    records::{Progress, Sale, Session, SessionMode, Signup},
    state::State,
};

/// The shortest and the longest time until a session expires, in seconds.
const EXPIRY_SECONDS: [i64; 2] = [30 * 60, 24 * 60 * 60];
const QUANTITY: &str = "line_items[0][quantity]";

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/v1/checkout/sessions", post(create))
        .route("/v1/checkout/sessions/{id}", get(retrieve))
        .route("/v1/checkout/sessions/{id}/expire", post(expire))
}

async fn create(Shared(sandbox): Shared<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    idempotent(&sandbox, &headers, "/v1/checkout/sessions", &body, create_session)
}

async fn retrieve(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    let now = sandbox.now();
    read(&sandbox, query, |state, params| {
        params.finish()?;
        let session = state.sessions.get(&id).ok_or_else(|| ApiError::missing("session", "checkout.session", &id))?;
        Ok(objects::session(session, &state.base, now))
    })
}

async fn expire(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let path = format!("/v1/checkout/sessions/{id}/expire");
    idempotent(&sandbox, &headers, &path, &body, |state, params, now| {
        params.finish()?;
        let session = state.sessions.get(&id).ok_or_else(|| ApiError::missing("session", "checkout.session", &id))?;
        if !session.is_open(now) {
            let status = session.status(now);
            return Err(ApiError::invalid(format!("Only open sessions can be expired; this one is {status}.")));
        }
        state.expire(&id, now).map_err(|error| ApiError::invalid(error.to_string()))?;
        let session = state.sessions.get(&id).ok_or_else(|| ApiError::missing("session", "checkout.session", &id))?;
        Ok(objects::session(session, &state.base, now))
    })
}

fn create_session(state: &mut State, mut params: Params, now: i64) -> Result<Value, ApiError> {
    let mode = required("mode", params.take("mode"))?;
    let [customer, client_reference_id, expires_at] =
        ["customer", "client_reference_id", "expires_at"].map(|name| params.take(name));
    let [success_url, cancel_url] = ["success_url", "cancel_url"].map(|name| params.take(name));
    let metadata = params.take_map("metadata");
    state.check_customer(customer.as_deref())?;
    let found = customer.as_ref().and_then(|id| state.customers.get(id));
    let options = checkout_options::take(&mut params, &mode, found)?;
    let mode = match mode.as_str() {
        "payment" => SessionMode::Payment(sale(customer, params)?),
        "subscription" => SessionMode::Subscription(signup(state, required("customer", customer)?, params)?),
        _ => {
            let message = "mode must be payment or subscription in the sandbox.";
            return Err(ApiError::param("mode", "parameter_invalid", message));
        }
    };
    let expires_at = expiry(expires_at, now)?;
    let session = Session {
        id: new_id("cs_test_"),
        number: state.next_number(),
        created: now,
        expires_at,
        client_reference_id,
        metadata,
        mode,
        success_url: web_url("success_url", required("success_url", success_url)?)?,
        cancel_url: cancel_url.map(|url| web_url("cancel_url", url)).transpose()?,
        progress: Progress::Open,
        options,
        percent_off: 0,
        details: None,
        invoice: None,
    };
    let object = objects::session(&session, &state.base, now);
    state.sessions.insert(session.id.clone(), session);
    Ok(object)
}

fn sale(customer: Option<String>, mut params: Params) -> Result<Sale, ApiError> {
    const CURRENCY: &str = "line_items[0][price_data][currency]";
    const UNIT_AMOUNT: &str = "line_items[0][price_data][unit_amount]";
    const NAME: &str = "line_items[0][price_data][product_data][name]";
    let [quantity, currency, unit_amount, item] = [QUANTITY, CURRENCY, UNIT_AMOUNT, NAME].map(|name| params.take(name));
    let payment_metadata = params.take_map("payment_intent_data[metadata]");
    params.take_exclusive("line_items[0][price_data][tax_behavior]")?;
    params.finish()?;
    let currency = currency_code(CURRENCY, required(CURRENCY, currency)?)?;
    let quantity = whole_number(QUANTITY, &required(QUANTITY, quantity)?, &(1..=1_000))?;
    let unit_cents = whole_number(UNIT_AMOUNT, &required(UNIT_AMOUNT, unit_amount)?, &AMOUNT_CENTS)?;
    let (item, amount_cents) = (required(NAME, item)?, unit_cents.saturating_mul(quantity));
    Ok(Sale { customer, payment_metadata, item, quantity, amount_cents, currency })
}

fn signup(state: &State, customer: String, mut params: Params) -> Result<Signup, ApiError> {
    const PRICE: &str = "line_items[0][price]";
    const TRIAL: &str = "subscription_data[trial_period_days]";
    let [quantity, price, trial] = [QUANTITY, PRICE, TRIAL].map(|name| params.take(name));
    let subscription_metadata = params.take_map("subscription_data[metadata]");
    params.finish()?;
    whole_number(QUANTITY, &required(QUANTITY, quantity)?, &(1..=1))?;
    let id = required(PRICE, price)?;
    let price = state.prices.get(&id).ok_or_else(|| ApiError::unknown(PRICE, "price", &id))?.clone();
    let trial_days = match trial {
        None => None,
        Some(days) => u32::try_from(whole_number(TRIAL, &days, &(1..=730))?).ok(),
    };
    Ok(Signup { customer, price, trial_days, subscription_metadata })
}

/// Returns when a session expires: after a day if the request doesn't say.
fn expiry(value: Option<String>, now: i64) -> Result<i64, ApiError> {
    let [least, most] = EXPIRY_SECONDS;
    let Some(value) = value else { return Ok(now + most) };
    let at: Option<i64> = value.parse().ok();
    at.filter(|at| (now + least..=now + most).contains(at)).ok_or_else(|| {
        ApiError::param("expires_at", "parameter_invalid", "expires_at must be from 30 minutes to 24 hours from now.")
    })
}

#[cfg(test)]
mod tests;
