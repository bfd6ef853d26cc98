//! `/api/v1/test-clock`: sets the demo's test clock.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use brightmeter::time::RequestedInstant;
use serde::Deserialize;

use super::{
    AppState,
    api::extract::{Body, NoParameters, Query},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Now {
    now: RequestedInstant,
}

/// Sets the clock, then sweeps, so that the effects are booked before the response.
pub(super) async fn set(
    State(state): State<AppState>,
    Query(NoParameters {}): Query<NoParameters>,
    Body(body): Body<Now>,
) -> Response {
    let Some((clock, sweeper)) = &state.test_clock else { return StatusCode::NOT_FOUND.into_response() };
    clock.set(body.now.get());
    if let Some(sandbox) = &state.sandbox {
        sandbox.tick();
    }
    match sweeper.sweep().await {
        Ok(swept) => Json(serde_json::json!({ "now": body.now, "swept": swept })).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the sweep after setting the test clock failed");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
