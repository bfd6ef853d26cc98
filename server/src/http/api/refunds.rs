//! `POST /tokens/refunds`: returns the tokens of a spend or a capture.

use axum::{extract::State, http::StatusCode, response::Response};
use brightmeter::{command::Command, ids::TransactionId, ledger::outcome::Effect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    authorize::ApiCaller,
    bodies::BalanceAfter,
    command_response::command_response,
    extract::{Body, IdempotencyKeyHeader, NoParameters, Query, reason},
    responses::{CommandErrors, ConflictError, IdempotencyHeader},
};
use crate::http::{problem::Problem, state::AppState};

/// The spend or capture to refund.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Refund {
    /// The transaction id of a deduct or a capture.
    #[schema(value_type = uuid::Uuid)]
    transaction_id: TransactionId,
    /// The reason, 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500, example = "The report was empty")]
    reason: String,
}

/// A refund.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refunded {
    /// The refund's own id.
    transaction_id: uuid::Uuid,
    /// The id of the refunded spend or capture.
    refunds: uuid::Uuid,
    /// The number of its ledger entry.
    #[schema(minimum = 1, example = 43)]
    seq: i64,
    /// The token type.
    #[schema(example = "ai")]
    token_type: String,
    /// The number of tokens returned.
    #[schema(minimum = 0, example = 5)]
    amount: i64,
    /// The balance after the refund.
    balance: BalanceAfter,
}

/// Refund
///
/// Refunds a spend once and in full, to the grants that it burned. In a browser session, only an owner or admin may.
#[utoipa::path(
    post, path = "/tokens/refunds", tag = "Tokens", operation_id = "refund", request_body = Refund,
    params(IdempotencyHeader),
    responses(
        (status = 200, body = Refunded, description = "The refund."),
        CommandErrors,
        ConflictError,
    ),
)]
pub(super) async fn refund(
    State(state): State<AppState>,
    caller: ApiCaller,
    Query(NoParameters {}): Query<NoParameters>,
    IdempotencyKeyHeader(idempotency_key): IdempotencyKeyHeader,
    Body(body): Body<Refund>,
) -> Result<Response, Problem> {
    caller.authorize_refund()?;
    let command = Command::Refund {
        caller: caller.acting_for(None)?,
        transaction: body.transaction_id,
        reason: reason(&body.reason)?,
    };
    let answer = caller.submit(&state, idempotency_key, command).await?;
    let Effect::Refunded { of, token_type, amount, balance } = &answer.outcome.effect else {
        return Err(Problem::KeyReused);
    };
    let refunded = Refunded {
        transaction_id: answer.outcome.transaction.0,
        refunds: of.0,
        seq: answer.outcome.seq,
        token_type: token_type.to_string(),
        amount: amount.get(),
        balance: BalanceAfter::new(token_type, balance),
    };
    Ok(command_response(StatusCode::OK, &answer, refunded, state.clock.now()))
}
