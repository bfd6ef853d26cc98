//! The response to a command.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use brightmeter::time::Instant;
use serde::Serialize;

use crate::{http::rate_limit_headers, service::writer::Answer};

/// Builds the response: `body` with `status`, `Idempotent-Replayed` if the outcome was replayed, and the `RateLimit`
/// headers.
pub(super) fn command_response(status: StatusCode, answer: &Answer, body: impl Serialize, now: Instant) -> Response {
    let mut response = (status, Json(body)).into_response();
    if answer.replayed {
        let name = HeaderName::from_static("idempotent-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    rate_limit_headers::add(&mut response, answer.rate_status, now);
    response
}
