//! What a supervisor asks.

use std::time::Duration;

use axum::{
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use super::AppState;
use crate::storage::migrations;

/// The process answers.
pub(super) async fn process() -> &'static str {
    "ok\n"
}

/// The database answers, and has the schema that this program was built for.
pub(super) async fn database(State(state): State<AppState>) -> Response {
    let ask = async { migrations::is_current(&mut *state.pool.acquire().await?).await };
    match timeout(Duration::from_secs(3), ask).await {
        Ok(Ok(true)) => "ready\n".into_response(),
        Ok(Ok(false)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the schema is not current: run brightmeter migrate\n").into_response()
        }
        Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response(),
    }
}

/// What Prometheus reads.
pub(super) async fn metrics(State(state): State<AppState>) -> Response {
    match &state.metrics {
        Some(metrics) => ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
