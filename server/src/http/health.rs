//! What a supervisor asks.

use std::time::Duration;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use super::AppState;

/// The process answers.
pub(super) async fn process() -> &'static str {
    "ok\n"
}

/// The database answers, and has the schema that this program was built for.
pub(super) async fn database(State(state): State<AppState>) -> Response {
    let ready = timeout(Duration::from_secs(3), crate::storage::migrations::is_current(&state.pool)).await;
    match ready {
        Ok(Ok(true)) => "ready\n".into_response(),
        Ok(Ok(false)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the schema is not current: run brightmeter migrate\n").into_response()
        }
        Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response(),
    }
}
