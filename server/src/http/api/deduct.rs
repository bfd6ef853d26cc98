//! `POST /tokens/deduct`: spends tokens immediately, or quotes the spend.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use brightmeter::{
    command::{Command, Usage},
    decide::entitlement,
    ids::MemberId,
    ledger::{grant::Source, outcome::Effect},
    names::FeatureName,
    quantity::Quantity,
    time::Instant,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    authorize::ApiCaller,
    bodies::{BalanceAfter, Cost},
    command_response::command_response,
    extract::{Body, IdempotencyKeyHeader, NoParameters, Query},
    responses::{CommandErrors, IdempotencyHeader, UsageErrors},
    usage::usage,
};
use crate::http::{problem::Problem, state::AppState};

/// The use of a feature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Deduct {
    /// The feature to use.
    #[schema(value_type = String, min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_-]*$", example = "quest_generation")]
    feature: FeatureName,
    /// The number of uses. Default: 1.
    #[schema(value_type = Option<u32>, nullable = false, minimum = 1, maximum = 10_000, example = 1)]
    quantity: Option<Quantity>,
    /// The id of the member to act for. That member's limits apply.
    #[schema(value_type = Option<uuid::Uuid>, nullable = false)]
    member: Option<MemberId>,
    /// Your data, stored with the ledger entry: a JSON object of at most 2,048 bytes.
    #[schema(value_type = Option<BTreeMap<String, serde_json::Value>>, nullable = false, example = json!({ "order": "A-17" }))]
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// Whether to only quote the spend. A quote moves no tokens and counts towards no limit.
    #[serde(default)]
    #[schema(example = false)]
    dry_run: bool,
}

/// A spend, or a quote.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Deducted {
    /// The tokens were spent.
    Spent(Spent),
    /// The spend was quoted.
    Quoted(Quoted),
}

/// A spend.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Spent {
    /// The spend's id, for a refund.
    transaction_id: uuid::Uuid,
    /// The number of its ledger entry.
    #[schema(minimum = 1, example = 42)]
    seq: i64,
    /// The token type.
    #[schema(example = "ai")]
    token_type: String,
    /// The number of tokens spent.
    #[schema(minimum = 0, example = 5)]
    amount: i64,
    /// The balance after the spend.
    balance: BalanceAfter,
    /// `true` if the response is replayed and the spend has been refunded since: don't run the job. Otherwise absent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    refunded: bool,
}

/// The quote for a spend.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Quoted {
    /// Always `true`: nothing was spent.
    dry_run: bool,
    /// The cost of the spend.
    cost: Cost,
    /// The grants that the spend would burn, in order.
    grants: Vec<Burn>,
    /// The balance after the spend.
    balance: BalanceAfter,
}

/// The part of a grant that a spend would burn.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Burn {
    /// The grant's id.
    grant_id: uuid::Uuid,
    /// The grant's source: `plan`, `promo`, `refund`, `pack` or `admin`.
    #[schema(value_type = Option<String>, example = "plan")]
    source: Option<Source>,
    /// The number of tokens burned.
    #[schema(minimum = 0, example = 5)]
    amount: i64,
    /// When the unused remainder expires. `null`: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Instant>,
}

/// Spend
///
/// Spends the cost of a feature immediately. With `dry_run`, returns a quote instead. A replay says if the spend has been
/// refunded since.
#[utoipa::path(
    post, path = "/tokens/deduct", tag = "Tokens", operation_id = "deduct", request_body = Deduct,
    params(IdempotencyHeader),
    responses(
        (status = 200, body = Deducted, description = "The spend, or the quote."),
        CommandErrors,
        UsageErrors,
    ),
)]
pub(super) async fn deduct(
    State(state): State<AppState>,
    caller: ApiCaller,
    Query(NoParameters {}): Query<NoParameters>,
    IdempotencyKeyHeader(idempotency_key): IdempotencyKeyHeader,
    Body(body): Body<Deduct>,
) -> Result<Response, Problem> {
    let usage = usage(&caller, body.feature, body.quantity, body.member, body.metadata)?;
    if body.dry_run {
        return Ok(Json(Deducted::Quoted(quote(&state, &caller, &usage).await?)).into_response());
    }
    let answer = caller.submit(&state, idempotency_key, Command::Spend(usage)).await?;
    let Effect::Spent { token_type, amount, balance, .. } = &answer.outcome.effect else {
        return Err(Problem::KeyReused);
    };
    // A client may read a replay as permission to run the job again, so it learns of a refund.
    let refunded = answer.replayed && caller.is_refunded(&state, answer.outcome.transaction).await?;
    let spent = Spent {
        transaction_id: answer.outcome.transaction.0,
        seq: answer.outcome.seq,
        token_type: token_type.to_string(),
        amount: amount.get(),
        balance: BalanceAfter::new(token_type, balance),
        refunded,
    };
    Ok(command_response(StatusCode::OK, &answer, Deducted::Spent(spent), state.clock.now()))
}

async fn quote(state: &AppState, caller: &ApiCaller, usage: &Usage) -> Result<Quoted, Problem> {
    let account = caller.load_account(state, Some(usage.caller)).await?;
    let now = state.clock.now();
    let quote = entitlement::check(&account, usage, &state.reader.context(now))
        .map_err(|refusal| Problem::Refused { refusal, now })?;
    let grants = quote.parts.iter().map(|part| {
        let grant = account.grants.get(&part.grant);
        Burn {
            grant_id: part.grant.0,
            source: grant.map(|grant| grant.source),
            amount: part.amount.get(),
            expires_at: grant.and_then(|grant| grant.expires_at),
        }
    });
    let after = account.balance(&quote.token_type).after_spending(quote.cost);
    Ok(Quoted {
        dry_run: true,
        cost: Cost::new(&quote.token_type, quote.cost),
        grants: grants.collect(),
        balance: BalanceAfter::new(&quote.token_type, &after),
    })
}
