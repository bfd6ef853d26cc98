//! The REST API under `/api/v1`, and the OpenAPI document that is generated from its handlers.

mod authorize;
mod balances;
mod bodies;
mod catalog;
mod check_balance;
mod command_response;
mod deduct;
mod docs;
pub(super) mod extract;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod holds;
mod ledger;
mod license;
mod openapi;
mod refunds;
mod responses;
mod stats;
mod stream;
mod strict_json;
mod usage;

use std::sync::{Arc, LazyLock};

use app::views::api_docs::ApiDocs;
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{extract::MAX_BODY_BYTES, openapi::ROOT};
use super::{
    problem::{PROBLEM_JSON, Problem},
    state::AppState,
    webhooks,
};

/// The documented routes and their OpenAPI document.
fn documented_routes() -> (Router<AppState>, OpenApi) {
    OpenApiRouter::with_openapi(openapi::skeleton())
        .routes(routes!(check_balance::check_balance))
        .routes(routes!(stream::stream))
        .routes(routes!(deduct::deduct))
        .routes(routes!(refunds::refund))
        .routes(routes!(holds::open::open))
        .routes(routes!(holds::show::show))
        .routes(routes!(holds::capture::capture))
        .routes(routes!(holds::release::release))
        .routes(routes!(stats::stats))
        .routes(routes!(ledger::ledger))
        .routes(routes!(license::license))
        .routes(routes!(catalog::catalog))
        .split_for_parts()
}

/// The OpenAPI document.
pub fn document() -> OpenApi {
    documented_routes().1
}

/// The OpenAPI document as JSON, generated once.
static OPENAPI_JSON: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(document()).unwrap_or_default());

/// `GET /api/openapi.json`.
pub(super) async fn openapi() -> Json<&'static Value> {
    Json(&OPENAPI_JSON)
}

/// The OpenAPI document as `/api/docs` shows it. `https`: whether browsers reach this server by HTTPS.
pub fn docs(https: bool) -> Arc<ApiDocs> {
    Arc::new(docs::view(&OPENAPI_JSON, https))
}

/// All routes of the API, Stripe's webhook included.
pub(super) fn routes() -> Router<AppState> {
    let documented = documented_routes().0.layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    // Only Stripe calls this, so the OpenAPI document doesn't list it.
    let webhook = post(webhooks::stripe::receive).layer(DefaultBodyLimit::max(webhooks::stripe::MAX_EVENT_BYTES));
    Router::new().nest(ROOT, documented.route("/stripe/webhook", webhook).fallback(async || Problem::NotFound))
}

/// Whether the request is for the API.
pub(super) fn is_api_request(request: &Request) -> bool {
    request.uri().path().starts_with(ROOT)
}

/// Middleware that converts the errors of the layers around the API (timeout, routing, body limit, …) to problem
/// details.
pub(super) async fn errors_as_problems(request: Request, next: Next) -> Response {
    let (for_api, is_safe) = (is_api_request(&request), request.method().is_safe());
    let response = next.run(request).await;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_problem = response.headers().get(CONTENT_TYPE).is_some_and(|media_type| media_type == PROBLEM_JSON);
    if for_api && is_error && !is_problem { problem_of(status, is_safe).into_response() } else { response }
}

fn problem_of(status: StatusCode, is_safe: bool) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Problem::Method,
        StatusCode::REQUEST_TIMEOUT => Problem::BodyTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge(MAX_BODY_BYTES),
        // The timeout's status.
        StatusCode::SERVICE_UNAVAILABLE if is_safe => Problem::Busy,
        // The handler may have submitted a command.
        StatusCode::SERVICE_UNAVAILABLE => Problem::OutcomeUnknown,
        StatusCode::INTERNAL_SERVER_ERROR => Problem::Internal,
        other => Problem::Other(other),
    }
}
