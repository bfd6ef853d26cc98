//! The REST API under `/api/v1`, and its OpenAPI document, made from the same handlers.

mod answers;
mod balance;
mod bodies;
mod docs;
pub(super) mod extract;
mod gate;
mod holds;
mod ledger;
pub(super) mod problem;
mod rate;
mod spends;
mod stats;
mod stream;
mod terms;

use std::sync::{Arc, LazyLock};

use app::views::api_docs::ApiDocs;
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request},
    http::header::CONTENT_TYPE,
    middleware::Next,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::problem::{PROBLEM_JSON, Problem, ProblemBody};
use super::{AppState, webhooks};

/// Where the API lies.
const ROOT: &str = "/api/v1";
/// How large a body may be.
const MAX_BODY_BYTES: usize = 64 * 1024;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Brightmeter",
        description = "Meter prepaid AI tokens: check, deduct, or hold → run → capture. Send a key as `Authorization: Bearer bm_…`. \
                       Every POST under `/tokens/` takes an `Idempotency-Key`, so that it can be repeated without harm. What is \
                       refused is told as problem details (RFC 9457) with a `code` that never changes its meaning.",
        license(name = "MIT", identifier = "MIT"),
    ),
    servers((url = "/api/v1", description = "This server")),
    tags(
        (name = "Tokens", description = "Check, spend and take back."),
        (name = "Holds", description = "Reserve for one job; charge it when it has delivered."),
        (name = "Reports", description = "What was used."),
        (name = "Terms", description = "What the organization is on, and what is sold."),
    ),
    components(schemas(ProblemBody, stats::GroupBy)),
    security(("key" = [])),
    modifiers(&Key),
)]
struct Document;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some("An API key, made on /keys or by `brightmeter key create`.".into());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

/// The calls and their document.
fn calls() -> (Router<AppState>, openapi::OpenApi) {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(balance::check))
        .routes(routes!(stream::stream))
        .routes(routes!(spends::deduct))
        .routes(routes!(spends::refund))
        .routes(routes!(holds::open))
        .routes(routes!(holds::show))
        .routes(routes!(holds::capture))
        .routes(routes!(holds::release))
        .routes(routes!(stats::stats))
        .routes(routes!(ledger::ledger))
        .routes(routes!(terms::license))
        .routes(routes!(terms::catalog))
        .split_for_parts()
}

/// The OpenAPI document.
pub fn document() -> openapi::OpenApi {
    calls().1
}

/// The document as JSON, made once.
static OPENAPI_JSON: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(document()).unwrap_or_default());

/// `/api/openapi.json`.
pub(super) async fn openapi() -> Json<&'static Value> {
    Json(&OPENAPI_JSON)
}

/// The document as `/api/docs` shows it; `https` is how people reach this server.
pub fn docs(https: bool) -> Arc<ApiDocs> {
    Arc::new(docs::view(&OPENAPI_JSON, https))
}

/// Every call.
pub(super) fn routes() -> Router<AppState> {
    let calls = calls().0.layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    // Stripe is no client of the API: the document does not speak of this.
    let webhook = post(webhooks::stripe::receive).layer(DefaultBodyLimit::max(webhooks::stripe::MAX_EVENT_BYTES));
    Router::new().nest(ROOT, calls.route("/stripe/webhook", webhook).fallback(async || Problem::NotFound))
}

/// Whether the API is asked.
pub(super) fn is_ours(request: &Request) -> bool {
    request.uri().path().starts_with(ROOT)
}

/// Whatever a layer around the API answers comes as a problem, too.
pub(super) async fn explain(request: Request, next: Next) -> Response {
    let ours = is_ours(&request);
    let response = next.run(request).await;
    let status = response.status();
    let told = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_JSON);
    let wrong = status.is_client_error() || status.is_server_error();
    if ours && wrong && !told { Problem::from_status(status).into_response() } else { response }
}
