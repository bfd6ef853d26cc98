//! The calls of Stripe's API that we make, answered as Stripe does.

use std::{ops::RangeInclusive, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, Request, State as Shared},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header::AUTHORIZATION},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::{
    Fault, Sandbox, objects,
    params::{Params, address, required, whole},
    state::{Answer, Customer, Progress, Session, State, new_id},
};

/// How long it says nothing when it hangs.
const HANG: Duration = Duration::from_secs(60);
/// How long a session may be open, in seconds.
const OPEN_SECONDS: [i64; 2] = [30 * 60, 24 * 60 * 60];
/// What Stripe takes at a time, in cents.
const AMOUNT_CENTS: RangeInclusive<u64> = 50..=99_999_999;

/// Why a call is refused.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
    message: String,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code: None, param: None, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    pub(super) fn param(param: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { code: Some(code), param: Some(param.to_owned()), ..Self::invalid(message) }
    }

    fn body(&self) -> Value {
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let Some(code) = self.code {
            error["code"] = code.into();
        }
        if let Some(param) = &self.param {
            error["param"] = param.as_str().into();
        }
        json!({ "error": error })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}

pub(super) fn routes(sandbox: &Sandbox) -> Router<Sandbox> {
    Router::new()
        .route("/v1/customers", post(create_customer))
        .route("/v1/checkout/sessions", post(create_session))
        .route("/v1/checkout/sessions/{id}", get(find_session))
        .route("/v1/refunds", get(list_refunds))
        .route("/v1/disputes", get(list_disputes))
        .route("/v1/{*rest}", any(unknown))
        .route_layer(from_fn_with_state(sandbox.clone(), guard))
}

async fn guard(Shared(sandbox): Shared<Sandbox>, request: Request, next: Next) -> Response {
    let fault = sandbox.switches().1;
    if fault == Fault::Hang {
        sleep(HANG).await;
    }
    if fault != Fault::None {
        let message = "The sandbox was told to be out of order.";
        return ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "api_error", message).into_response();
    }
    let expected = format!("Bearer {}", sandbox.0.settings.secret_key);
    if request.headers().get(AUTHORIZATION).is_none_or(|value| value.as_bytes() != expected.as_bytes()) {
        let message = "Invalid API key, or none was provided.";
        return ApiError::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message).into_response();
    }
    next.run(request).await
}

async fn create_customer(Shared(sandbox): Shared<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    once(&sandbox, &headers, "/v1/customers", &body, customer)
}

async fn create_session(Shared(sandbox): Shared<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    once(&sandbox, &headers, "/v1/checkout/sessions", &body, session)
}

async fn find_session(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>) -> Response {
    let (state, now) = (sandbox.state(), sandbox.now());
    match state.sessions.get(&id) {
        Some(session) => Json(objects::session(session, &state.base, now)).into_response(),
        None => {
            let missing = ApiError::param("session", "resource_missing", format!("No such checkout.session: '{id}'"));
            ApiError { status: StatusCode::NOT_FOUND, ..missing }.into_response()
        }
    }
}

/// Which refunds or disputes are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    payment_intent: String,
    #[serde(default = "Listed::default_limit")]
    limit: usize,
}

impl Listed {
    const fn default_limit() -> usize {
        10
    }

    fn answer(&self, of: &str, objects: Vec<Value>) -> Response {
        let has_more = objects.len() > self.limit;
        let data: Vec<Value> = objects.into_iter().take(self.limit).collect();
        Json(json!({ "object": "list", "url": format!("/v1/{of}"), "has_more": has_more, "data": data }))
            .into_response()
    }
}

async fn list_refunds(Shared(sandbox): Shared<Sandbox>, Query(listed): Query<Listed>) -> Response {
    let state = sandbox.state();
    let refunds = state.refunds.values().filter(|refund| refund.payment_intent == listed.payment_intent);
    listed.answer("refunds", refunds.map(objects::refund).collect())
}

async fn list_disputes(Shared(sandbox): Shared<Sandbox>, Query(listed): Query<Listed>) -> Response {
    let state = sandbox.state();
    let disputes = state.disputes.values().filter(|dispute| dispute.payment_intent == listed.payment_intent);
    listed.answer("disputes", disputes.map(objects::dispute).collect())
}

async fn unknown(uri: Uri) -> Response {
    let message = format!("Unrecognized request URL ({}).", uri.path());
    ApiError::new(StatusCode::NOT_FOUND, "invalid_request_error", message).into_response()
}

/// What one call answers with, and whether that was its answer before.
struct Answered {
    status: StatusCode,
    body: Value,
    replayed: bool,
}

/// Does what is asked, or gives the answer that its idempotency key has got already.
fn once(
    sandbox: &Sandbox,
    headers: &HeaderMap,
    path: &str,
    body: &[u8],
    create: fn(&mut State, Params, i64) -> Result<Value, ApiError>,
) -> Response {
    let key = match headers.get("idempotency-key").map(HeaderValue::to_str) {
        None => None,
        Some(Ok(key)) if (1..=255).contains(&key.len()) => Some(key.to_owned()),
        Some(_) => return ApiError::invalid("An idempotency key has 1 to 255 characters.").into_response(),
    };
    let fingerprint = fingerprint(path, body);
    // An answer that changes nothing comes back as an error, so that nothing is written for it.
    let answered = sandbox.change(|state, now| {
        if let Some(answer) = key.as_ref().and_then(|key| state.answers.get(key)) {
            return Err(replay(answer, &fingerprint));
        }
        let (status, body) = match Params::parse(body).and_then(|params| create(state, params, now)) {
            Ok(object) => (StatusCode::OK, object),
            Err(error) => (error.status, error.body()),
        };
        if let Some(key) = key {
            state.answers.insert(key, Answer { fingerprint, status: status.as_u16(), body: body.clone() });
        }
        Ok(Answered { status, body, replayed: false })
    });
    let (Ok(answered) | Err(answered)) = answered;
    let mut response = (answered.status, Json(answered.body)).into_response();
    if answered.replayed {
        let name = HeaderName::from_static("idempotent-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    response
}

/// Tells a call from another one; the order of its parameters means nothing.
fn fingerprint(path: &str, body: &[u8]) -> String {
    let mut params: Vec<&[u8]> = body.split(|byte| *byte == b'&').collect();
    params.sort_unstable();
    let hash = Sha256::new().chain_update(path).chain_update([0]).chain_update(params.join(&b'&'));
    hex::encode(hash.finalize())
}

fn replay(answer: &Answer, fingerprint: &str) -> Answered {
    if answer.fingerprint != fingerprint {
        let message = "An idempotency key can only be used with the parameters that it was first used with.";
        let error = ApiError::new(StatusCode::BAD_REQUEST, "idempotency_error", message);
        return Answered { status: error.status, body: error.body(), replayed: false };
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or_default();
    Answered { status, body: answer.body.clone(), replayed: true }
}

fn customer(state: &mut State, mut params: Params, now: i64) -> Result<Value, ApiError> {
    let (name, email, metadata) = (params.take("name"), params.take("email"), params.take_map("metadata"));
    params.finish()?;
    let customer = Customer { id: new_id("cus_"), created: now, name, email, metadata };
    let object = objects::customer(&customer);
    state.customers.insert(customer.id.clone(), customer);
    Ok(object)
}

fn session(state: &mut State, mut params: Params, now: i64) -> Result<Value, ApiError> {
    const QUANTITY: &str = "line_items[0][quantity]";
    const CURRENCY: &str = "line_items[0][price_data][currency]";
    const UNIT_AMOUNT: &str = "line_items[0][price_data][unit_amount]";
    const NAME: &str = "line_items[0][price_data][product_data][name]";
    let [mode, customer, client_reference_id] =
        ["mode", "customer", "client_reference_id"].map(|name| params.take(name));
    let [quantity, currency, unit_amount, item] = [QUANTITY, CURRENCY, UNIT_AMOUNT, NAME].map(|name| params.take(name));
    let [expires_at, success_url, cancel_url] =
        ["expires_at", "success_url", "cancel_url"].map(|name| params.take(name));
    let (metadata, payment_metadata) = (params.take_map("metadata"), params.take_map("payment_intent_data[metadata]"));
    params.finish()?;

    for (name, value, expected) in [("mode", mode, "payment"), (CURRENCY, currency, "usd")] {
        if required(name, value)? != expected {
            let message = format!("{name} must be {expected} in the sandbox.");
            return Err(ApiError::param(name, "parameter_invalid", message));
        }
    }
    if let Some(id) = customer.as_ref().filter(|id| !state.customers.contains_key(*id)) {
        return Err(ApiError::param("customer", "resource_missing", format!("No such customer: '{id}'")));
    }
    let quantity = whole(QUANTITY, &required(QUANTITY, quantity)?, &(1..=1_000))?;
    let unit_cents = whole(UNIT_AMOUNT, &required(UNIT_AMOUNT, unit_amount)?, &AMOUNT_CENTS)?;
    let expires_at = expiry(expires_at, now)?;
    let (id, number) = (new_id("cs_test_"), state.number());
    let session = Session {
        id,
        number,
        created: now,
        expires_at,
        customer,
        client_reference_id,
        metadata,
        payment_metadata,
        item: required(NAME, item)?,
        quantity,
        amount_cents: unit_cents.saturating_mul(quantity),
        success_url: address("success_url", required("success_url", success_url)?)?,
        cancel_url: cancel_url.map(|url| address("cancel_url", url)).transpose()?,
        progress: Progress::Open,
    };
    let object = objects::session(&session, &state.base, now);
    state.sessions.insert(session.id.clone(), session);
    Ok(object)
}

/// Until when a session is open: a day unless it is said otherwise.
fn expiry(value: Option<String>, now: i64) -> Result<i64, ApiError> {
    let [least, most] = OPEN_SECONDS;
    let Some(value) = value else { return Ok(now + most) };
    let at: Option<i64> = value.parse().ok();
    at.filter(|at| (now + least..=now + most).contains(at)).ok_or_else(|| {
        ApiError::param("expires_at", "parameter_invalid", "expires_at must be from 30 minutes to 24 hours from now.")
    })
}
