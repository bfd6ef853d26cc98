//! `POST /tokens/holds/{id}/capture`: charges a hold.

use axum::{extract::State, response::Response};
use brightmeter::{command::Command, ledger::tokens::Tokens};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Ended, HoldPath, ended_response};
use crate::http::{
    api::{
        authorize::ApiCaller,
        extract::{Body, IdempotencyKeyHeader, NoParameters, Query},
        responses::{CommandErrors, ConflictError, IdempotencyHeader},
    },
    problem::Problem,
    state::AppState,
};

/// The amount to charge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct Capture {
    /// The number of tokens to charge, at most the held amount. Default: the held amount.
    #[schema(value_type = Option<i64>, nullable = false, minimum = 1, maximum = 1_000_000_000_000_i64, example = 5)]
    amount: Option<Tokens>,
}

/// Capture a hold
///
/// Charges the held amount or less. The rest returns to the grants that it came from. Of capture, release and expiry,
/// exactly one wins.
#[utoipa::path(
    post, path = "/tokens/holds/{id}/capture", tag = "Holds", operation_id = "captureHold", request_body(content = Capture),
    params(
        ("id" = uuid::Uuid, Path, description = "The hold's id."),
        IdempotencyHeader,
    ),
    responses(
        (status = 200, body = Ended, description = "The captured hold."),
        CommandErrors,
        ConflictError,
    ),
)]
pub(in crate::http::api) async fn capture(
    State(state): State<AppState>,
    caller: ApiCaller,
    HoldPath(hold): HoldPath,
    Query(NoParameters {}): Query<NoParameters>,
    IdempotencyKeyHeader(idempotency_key): IdempotencyKeyHeader,
    Body(body): Body<Capture>,
) -> Result<Response, Problem> {
    let command = Command::Capture { hold, amount: body.amount, attachment: None };
    let answer = caller.submit(&state, idempotency_key, command).await?;
    ended_response(&answer, state.clock.now())
}
