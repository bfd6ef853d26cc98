//! Stripe's API, as far as Brightmeter calls it.

mod checkout;
mod idempotency;
mod items;
mod lists;
mod plans;
mod subscriptions;
mod updates;

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    extract::{Query, Request, State as Shared},
    http::{HeaderMap, StatusCode, Uri, header::AUTHORIZATION},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;

use self::{
    idempotency::idempotent,
    lists::{default_limit, list_response},
};
use super::{
    Fault, Sandbox, error::ApiError, ids::new_id, objects, params::Params, payment_objects, records::Customer,
    state::State,
};

/// The delay of a request while the fault is [`Fault::Hang`].
const HANG_DURATION: Duration = Duration::from_secs(60);

pub(super) fn routes(sandbox: &Sandbox) -> Router<Sandbox> {
    Router::new()
        .route("/v1/customers", post(create_customer))
        .route("/v1/refunds", get(list_refunds))
        .route("/v1/disputes", get(list_disputes))
        .merge(checkout::routes())
        .merge(plans::routes())
        .merge(subscriptions::routes())
        .route("/v1/{*rest}", any(unknown_url))
        .route_layer(from_fn_with_state(sandbox.clone(), check_request))
}

async fn check_request(Shared(sandbox): Shared<Sandbox>, request: Request, next: Next) -> Response {
    sandbox.tick();
    let fault = sandbox.switches().1;
    if fault == Fault::Hang {
        sleep(HANG_DURATION).await;
    }
    if fault != Fault::None {
        let message = "The sandbox is set to fail.";
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
    idempotent(&sandbox, &headers, "/v1/customers", &body, customer)
}

/// The query of a refund or dispute list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PaymentFilter {
    payment_intent: String,
    #[serde(default = "default_limit")]
    limit: usize,
}

async fn list_refunds(Shared(sandbox): Shared<Sandbox>, Query(filter): Query<PaymentFilter>) -> Response {
    let state = sandbox.state();
    let refunds = state.refunds.values().filter(|refund| refund.payment_intent == filter.payment_intent);
    list_response("refunds", filter.limit, refunds.map(payment_objects::refund).collect())
}

async fn list_disputes(Shared(sandbox): Shared<Sandbox>, Query(filter): Query<PaymentFilter>) -> Response {
    let state = sandbox.state();
    let disputes = state.disputes.values().filter(|dispute| dispute.payment_intent == filter.payment_intent);
    list_response("disputes", filter.limit, disputes.map(payment_objects::dispute).collect())
}

async fn unknown_url(uri: Uri) -> Response {
    let message = format!("Unrecognized request URL ({}).", uri.path());
    ApiError::new(StatusCode::NOT_FOUND, "invalid_request_error", message).into_response()
}

fn customer(state: &mut State, mut params: Params, now: i64) -> Result<Value, ApiError> {
    let (name, email, metadata) = (params.take("name"), params.take("email"), params.take_map("metadata"));
    params.finish()?;
    let customer = Customer { id: new_id("cus_"), created: now, name, email, metadata, card_fails: false };
    let object = objects::customer(&customer);
    state.customers.insert(customer.id.clone(), customer);
    Ok(object)
}
