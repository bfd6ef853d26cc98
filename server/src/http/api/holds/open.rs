//! `POST /tokens/holds`: reserves tokens for a job.

use axum::{extract::State, http::StatusCode, response::Response};
use brightmeter::{
    command::Command, ids::MemberId, ledger::outcome::Effect, names::FeatureName, quantity::Quantity, time::Instant,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{
    api::{
        authorize::ApiCaller,
        bodies::BalanceAfter,
        command_response::command_response,
        extract::{Body, IdempotencyKeyHeader, NoParameters, Query},
        responses::{CommandErrors, IdempotencyHeader, UsageErrors},
        usage::usage,
    },
    problem::Problem,
    state::AppState,
};

/// The use of a feature to reserve tokens for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct OpenHold {
    /// The feature to use.
    #[schema(value_type = String, min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_-]*$", example = "quest_generation")]
    feature: FeatureName,
    /// The number of uses. Default: 1.
    #[schema(value_type = Option<u32>, nullable = false, minimum = 1, maximum = 10_000, example = 1)]
    quantity: Option<Quantity>,
    /// The id of the member to act for. That member's limits apply.
    #[schema(value_type = Option<uuid::Uuid>, nullable = false)]
    member: Option<MemberId>,
    /// The seconds until the hold expires, at most 24 hours. Default: 15 minutes.
    #[schema(nullable = false, minimum = 1, maximum = 86_400, example = 600)]
    ttl_seconds: Option<u32>,
    /// Your data, stored with the ledger entry: a JSON object of at most 2,048 bytes.
    #[schema(value_type = Option<BTreeMap<String, serde_json::Value>>, nullable = false, example = json!({ "job": "17" }))]
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A hold that has just been opened.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Opened {
    /// The hold's id.
    hold_id: uuid::Uuid,
    /// The id of the transaction that opened it.
    transaction_id: uuid::Uuid,
    /// The token type.
    #[schema(example = "ai")]
    token_type: String,
    /// The number of tokens reserved.
    #[schema(minimum = 0, example = 5)]
    amount: i64,
    /// When the hold expires and its tokens return.
    #[schema(value_type = String, format = DateTime, example = "2026-11-23T10:15:00Z")]
    expires_at: Instant,
    /// The balance after it.
    balance: BalanceAfter,
}

/// Open a hold
///
/// Reserves the cost of a feature for one job. Capture the hold when the job succeeds, release it when the job fails.
/// If you do neither, the hold expires and nothing is charged.
#[utoipa::path(
    post, path = "/tokens/holds", tag = "Holds", operation_id = "openHold", request_body = OpenHold,
    params(IdempotencyHeader),
    responses(
        (status = 201, body = Opened, description = "The open hold."),
        CommandErrors,
        UsageErrors,
    ),
)]
pub(in crate::http::api) async fn open(
    State(state): State<AppState>,
    caller: ApiCaller,
    Query(NoParameters {}): Query<NoParameters>,
    IdempotencyKeyHeader(idempotency_key): IdempotencyKeyHeader,
    Body(body): Body<OpenHold>,
) -> Result<Response, Problem> {
    let OpenHold { feature, quantity, member, ttl_seconds, metadata } = body;
    let usage = usage(&caller, feature, quantity, member, metadata)?;
    let command = Command::OpenHold { usage, ttl_seconds, attachment: None };
    let answer = caller.submit(&state, idempotency_key, command).await?;
    let Effect::HoldOpened { hold, token_type, amount, expires_at, balance } = &answer.outcome.effect else {
        return Err(Problem::KeyReused);
    };
    let opened = Opened {
        hold_id: hold.0,
        transaction_id: answer.outcome.transaction.0,
        token_type: token_type.to_string(),
        amount: amount.get(),
        expires_at: *expires_at,
        balance: BalanceAfter::new(token_type, balance),
    };
    Ok(command_response(StatusCode::CREATED, &answer, opened, state.clock.now()))
}
