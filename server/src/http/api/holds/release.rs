//! `POST /tokens/holds/{id}/release`: ends a hold without a charge.

use axum::{extract::State, response::Response};
use brightmeter::command::Command;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Ended, HoldPath, ended_response};
use crate::http::{
    api::{
        authorize::ApiCaller,
        extract::{Body, IdempotencyKeyHeader, NoParameters, Query, reason},
        responses::{CommandErrors, ConflictError, IdempotencyHeader},
    },
    problem::Problem,
    state::AppState,
};

/// The reason of a release if the request has none.
const DEFAULT_REASON: &str = "released by the service";

/// The reason not to charge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct Release {
    /// The reason, 1 to 500 characters.
    #[schema(nullable = false, min_length = 1, max_length = 500, example = "The model did not answer")]
    reason: Option<String>,
}

/// Release a hold
///
/// Ends the hold without a charge. All held tokens return.
#[utoipa::path(
    post, path = "/tokens/holds/{id}/release", tag = "Holds", operation_id = "releaseHold", request_body(content = Release),
    params(
        ("id" = uuid::Uuid, Path, description = "The hold's id."),
        IdempotencyHeader,
    ),
    responses(
        (status = 200, body = Ended, description = "The released hold."),
        CommandErrors,
        ConflictError,
    ),
)]
pub(in crate::http::api) async fn release(
    State(state): State<AppState>,
    caller: ApiCaller,
    HoldPath(hold): HoldPath,
    Query(NoParameters {}): Query<NoParameters>,
    IdempotencyKeyHeader(idempotency_key): IdempotencyKeyHeader,
    Body(body): Body<Release>,
) -> Result<Response, Problem> {
    let reason = body.reason.as_deref().map(reason).transpose()?.unwrap_or_else(|| DEFAULT_REASON.into());
    let answer = caller.submit(&state, idempotency_key, Command::Release { hold, reason }).await?;
    ended_response(&answer, state.clock.now())
}
