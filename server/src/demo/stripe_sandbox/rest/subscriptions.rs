//! Subscriptions and their invoices: lists, and the routes of updates and previews.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State as Shared},
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;

use super::{
    idempotency::idempotent,
    lists::{default_limit, list_response},
    updates::{preview, update},
};
use crate::demo::stripe_sandbox::{Sandbox, billing_objects, error::ApiError};

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/v1/subscriptions", get(list))
        .route("/v1/subscriptions/{id}", post(change))
        .route("/v1/invoices", get(list_invoices))
        .route("/v1/invoices/create_preview", post(create_preview))
}

/// The query of a subscription list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubscriptionFilter {
    customer: String,
    /// As at Stripe, ended subscriptions are only listed if `status=all`.
    status: Option<StatusFilter>,
    #[serde(default = "default_limit")]
    limit: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusFilter {
    All,
}

async fn list(Shared(sandbox): Shared<Sandbox>, Query(filter): Query<SubscriptionFilter>) -> Response {
    let state = sandbox.state();
    if !state.customers.contains_key(&filter.customer) {
        return ApiError::unknown("customer", "customer", &filter.customer).into_response();
    }
    let all = state.subscriptions_of(&filter.customer).into_iter();
    let shown = all.filter(|it| filter.status.is_some() || it.ended_at().is_none());
    list_response("subscriptions", filter.limit, shown.map(billing_objects::subscription).collect())
}

/// The query of an invoice list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvoiceFilter {
    customer: String,
    #[serde(default = "default_limit")]
    limit: usize,
}

async fn list_invoices(Shared(sandbox): Shared<Sandbox>, Query(filter): Query<InvoiceFilter>) -> Response {
    let state = sandbox.state();
    if !state.customers.contains_key(&filter.customer) {
        return ApiError::unknown("customer", "customer", &filter.customer).into_response();
    }
    let mut found: Vec<_> = state.invoices.values().filter(|it| it.customer == filter.customer).collect();
    // As at Stripe, the newest first.
    found.sort_by_key(|it| std::cmp::Reverse(it.number));
    list_response(
        "invoices",
        filter.limit,
        found.into_iter().map(|it| billing_objects::invoice(it, &state.base)).collect(),
    )
}

async fn change(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let path = format!("/v1/subscriptions/{id}");
    idempotent(&sandbox, &headers, &path, &body, |state, params, now| update(state, &id, params, now))
}

async fn create_preview(Shared(sandbox): Shared<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    idempotent(&sandbox, &headers, "/v1/invoices/create_preview", &body, preview)
}
