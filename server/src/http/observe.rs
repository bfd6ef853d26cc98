//! Logs and counts every request.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    middleware::Next,
    response::Response,
};
use tracing::Instrument;

use super::request_ids::{ClientRequestId, REQUEST_ID};
use crate::{metrics, request_id};

/// The methods that have their own metric label. Clients can invent others, which count as `other`.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// Runs the request in a span with its method, path and ids. The query isn't logged, as it may contain user input.
pub(super) async fn observe(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path();
    let file = path.starts_with("/pkg/") || path == "/favicon.svg";
    let matched = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str);
    let route = if file { "files" } else { matched }.to_owned();
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let client_id = request.extensions().get::<ClientRequestId>().map(|id| id.0.clone());
    let span = tracing::info_span!("request", %method, path, id, client_id);
    let (id, path) = (id.to_owned(), path.to_owned());
    let answer = async move {
        let response = next.run(request).await;
        let (status, took) = (response.status().as_u16(), started.elapsed());
        let took_ms = took.as_secs_f64() * 1_000.0;
        // Health checks and static files are too frequent for the info level. The event repeats the span's fields
        // instead of having it as parent: that halves the cost.
        let id = request_id::current();
        if ["files", "/healthz", "/readyz", "/metrics"].contains(&route.as_str()) {
            tracing::debug!(parent: None, %method, path, id, client_id, status, took_ms, "answered");
        } else {
            tracing::info!(parent: None, %method, path, id, client_id, status, took_ms, "answered");
        }
        let name = METHODS.iter().find(|known| **known == method).map_or("other", Method::as_str);
        metrics::request(name.to_owned(), route, status, took);
        response
    };
    request_id::scope(id, answer).instrument(span).await
}
