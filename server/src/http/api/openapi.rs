//! The OpenAPI document without its routes: title, tags and the security scheme.

use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::stats::GroupBy;
use crate::http::problem::ProblemBody;

/// The path prefix of all routes.
pub(super) const ROOT: &str = "/api/v1";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Brightmeter",
        description = "Meter prepaid AI tokens: check, deduct, or hold → run → capture. Authenticate with an API key: \
                       `Authorization: Bearer bm_…`. Every POST under `/tokens/` requires an `Idempotency-Key`, \
                       which makes it safe to repeat. Bodies are JSON objects. Unknown fields, unknown query \
                       parameters and `null` (except inside of `metadata`) are refused, and the error names them. \
                       Errors are problem details (RFC 9457) with a `code` that never changes its meaning.",
        license(name = "MIT", identifier = "MIT"),
    ),
    servers((url = "/api/v1", description = "This server")),
    tags(
        (name = "Tokens", description = "Check balances, spend tokens and refund spends."),
        (name = "Holds", description = "Reserve tokens for a job, and charge them when it succeeds."),
        (name = "Reports", description = "Usage statistics and the ledger."),
        (name = "Terms", description = "The organization's license, and the catalog."),
    ),
    components(schemas(ProblemBody, GroupBy)),
    security(("key" = [])),
    modifiers(&ApiKeyScheme),
)]
struct Skeleton;

struct ApiKeyScheme;

impl Modify for ApiKeyScheme {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some("An API key, created on /keys or with `brightmeter key create`.".into());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

/// Returns the document that the routes are added to.
pub(super) fn skeleton() -> openapi::OpenApi {
    Skeleton::openapi()
}
