//! Health checks and metrics.

use std::time::Duration;

use axum::{
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_TYPE, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use super::AppState;
use crate::service::readiness;

/// The timeout of the readiness check.
const READY_TIMEOUT: Duration = Duration::from_secs(3);

/// Liveness: the process responds.
pub(super) async fn process() -> &'static str {
    "ok\n"
}

/// Readiness: the database responds, has the schema that this program was built for, and can be written to.
pub(super) async fn database(State(state): State<AppState>) -> Response {
    match timeout(READY_TIMEOUT, readiness::is_ready(&state.pool)).await {
        Ok(Ok(true)) if !state.reader.writer.is_available() => {
            (StatusCode::SERVICE_UNAVAILABLE, "the database can't be written to\n").into_response()
        }
        Ok(Ok(true)) => "ready\n".into_response(),
        Ok(Ok(false)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the schema is not current: run brightmeter migrate\n").into_response()
        }
        Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database isn't responding\n").into_response(),
    }
}

/// Metrics in Prometheus' text format.
pub(super) async fn metrics(State(state): State<AppState>, headers: HeaderMap) -> Response {
    if state.metrics_token.as_ref().is_some_and(|token| !token.is_presented(&headers)) {
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer realm=\"brightmeter metrics\"")])
            .into_response();
    }
    match &state.metrics {
        Some(metrics) => ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
