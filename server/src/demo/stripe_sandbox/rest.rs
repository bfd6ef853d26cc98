//! Stripe's API, as far as Brightmeter calls it.

mod checkout;
mod checkout_options;
mod expand;
mod idempotency;
mod items;
mod lists;
mod payments;
mod plans;
mod schedules;
mod subscriptions;
mod updates;

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, Request, State as Shared},
    http::{HeaderMap, StatusCode, Uri, header::AUTHORIZATION},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use serde_json::Value;
use tokio::time::sleep;

use self::{idempotency::idempotent, lists::read};
use super::{
    Fault, Sandbox, collection::Card, error::ApiError, ids::new_id, objects, params::Params, records::Customer,
    state::State,
};

/// The delay of a request while the fault is [`Fault::Hang`].
const HANG_DURATION: Duration = Duration::from_secs(60);

pub(super) fn routes(sandbox: &Sandbox) -> Router<Sandbox> {
    Router::new()
        .route("/v1/customers", post(create_customer))
        .route("/v1/customers/{id}", get(retrieve_customer).delete(delete_customer))
        .merge(checkout::routes())
        .merge(payments::routes())
        .merge(plans::routes())
        .merge(schedules::routes())
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

async fn retrieve_customer(
    Shared(sandbox): Shared<Sandbox>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    read(&sandbox, query, |state, params| {
        params.finish()?;
        let found = state.customers.get(&id).map(objects::customer);
        let found = found.or_else(|| state.deleted_customers.get(&id).map(objects::deleted_customer));
        found.ok_or_else(|| ApiError::missing("id", "customer", &id))
    })
}

async fn delete_customer(
    Shared(sandbox): Shared<Sandbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    idempotent(&sandbox, &headers, &format!("DELETE /v1/customers/{id}"), &body, |state, params, now| {
        params.finish()?;
        state.delete_customer(&id, now).map_err(|_| ApiError::missing("id", "customer", &id))?;
        state
            .deleted_customers
            .get(&id)
            .map(objects::deleted_customer)
            .ok_or_else(|| ApiError::missing("id", "customer", &id))
    })
}

async fn unknown_url(uri: Uri) -> Response {
    let message = format!("Unrecognized request URL ({}).", uri.path());
    ApiError::new(StatusCode::NOT_FOUND, "invalid_request_error", message).into_response()
}

fn customer(state: &mut State, mut params: Params, now: i64) -> Result<Value, ApiError> {
    let (name, email, metadata) = (params.take("name"), params.take("email"), params.take_map("metadata"));
    params.finish()?;
    let customer = Customer {
        id: new_id("cus_"),
        created: now,
        name,
        email,
        metadata,
        card: Card::None,
        address: None,
        tax_id: None,
    };
    let object = objects::customer(&customer);
    state.customers.insert(customer.id.clone(), customer);
    Ok(object)
}
