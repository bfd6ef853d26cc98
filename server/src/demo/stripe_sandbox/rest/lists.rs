//! List responses.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use crate::demo::stripe_sandbox::objects;

/// The length of a list if the request sets no `limit`, as at Stripe.
pub(super) const fn default_limit() -> usize {
    10
}

/// Returns the first `limit` of `all` as a list response of `/v1/{path}`.
pub(super) fn list_response(path: &str, limit: usize, all: Vec<Value>) -> Response {
    let has_more = all.len() > limit;
    let data = all.into_iter().take(limit).collect();
    Json(objects::list(&format!("/v1/{path}"), has_more, data)).into_response()
}
