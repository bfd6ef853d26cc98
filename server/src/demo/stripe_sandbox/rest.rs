//! The calls of Stripe's API that we make, answered as Stripe does.

mod checkout;
mod plans;
mod subscriptions;

use std::{ops::RangeInclusive, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, Request, State as Shared},
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
    params::Params,
    state::{Answer, Customer, State, new_id},
};

/// How long it says nothing when it hangs.
const HANG_DURATION: Duration = Duration::from_secs(60);
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

    /// What `param` names is not there; `kind` is what it would be at Stripe.
    fn unknown(param: &str, kind: &str, id: &str) -> Self {
        Self::param(param, "resource_missing", format!("No such {kind}: '{id}'"))
    }

    /// The same, where it is what the call is about.
    fn missing(param: &str, kind: &str, id: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::unknown(param, kind, id) }
    }

    fn card_declined() -> Self {
        let declined = Self::new(StatusCode::PAYMENT_REQUIRED, "card_error", "Your card was declined.");
        Self { code: Some("card_declined"), ..declined }
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
        .route("/v1/refunds", get(list_refunds))
        .route("/v1/disputes", get(list_disputes))
        .merge(checkout::routes())
        .merge(plans::routes())
        .merge(subscriptions::routes())
        .route("/v1/{*rest}", any(unknown))
        .route_layer(from_fn_with_state(sandbox.clone(), guard))
}

async fn guard(Shared(sandbox): Shared<Sandbox>, request: Request, next: Next) -> Response {
    sandbox.tick();
    let fault = sandbox.switches().1;
    if fault == Fault::Hang {
        sleep(HANG_DURATION).await;
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

/// Which refunds or disputes are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Returned {
    payment_intent: String,
    #[serde(default = "default_limit")]
    limit: usize,
}

/// How many objects Stripe lists unless it is told.
const fn default_limit() -> usize {
    10
}

/// The first `limit` objects of a list.
fn listed(of: &str, limit: usize, all: Vec<Value>) -> Response {
    let has_more = all.len() > limit;
    let data = all.into_iter().take(limit).collect();
    Json(objects::list(&format!("/v1/{of}"), has_more, data)).into_response()
}

async fn list_refunds(Shared(sandbox): Shared<Sandbox>, Query(asked): Query<Returned>) -> Response {
    let state = sandbox.state();
    let refunds = state.refunds.values().filter(|refund| refund.payment_intent == asked.payment_intent);
    listed("refunds", asked.limit, refunds.map(objects::refund).collect())
}

async fn list_disputes(Shared(sandbox): Shared<Sandbox>, Query(asked): Query<Returned>) -> Response {
    let state = sandbox.state();
    let disputes = state.disputes.values().filter(|dispute| dispute.payment_intent == asked.payment_intent);
    listed("disputes", asked.limit, disputes.map(objects::dispute).collect())
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
    create: impl FnOnce(&mut State, Params, i64) -> Result<Value, ApiError>,
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
    let customer = Customer { id: new_id("cus_"), created: now, name, email, metadata, card_fails: false };
    let object = objects::customer(&customer);
    state.customers.insert(customer.id.clone(), customer);
    Ok(object)
}
