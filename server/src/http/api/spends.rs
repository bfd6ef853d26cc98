//! `POST /tokens/deduct` and `POST /tokens/refunds`: spending at once, and taking it back.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use brightmeter::{
    command::{Command, Metadata, Quantity, Usage},
    decide::entitlement,
    ids::{MemberId, TransactionId},
    ledger::{grant::Source, outcome::Effect},
    names::FeatureName,
    time::Instant,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    answers::{Ends, Moves, Repeatable, Uses},
    bodies::{BalanceAfter, Cost, answered, reason},
    extract::{Body, Key},
    gate::Who,
    problem::Problem,
};
use crate::http::AppState;

/// The use of a feature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Deduct {
    /// The feature to use.
    #[schema(value_type = String, min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_-]*$", example = "quest_generation")]
    feature: FeatureName,
    /// How many times; once if not said.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 10_000, example = 1)]
    quantity: Option<Quantity>,
    /// The member to act for, whose limits then apply.
    #[schema(value_type = Option<uuid::Uuid>, example = json!(null))]
    member: Option<MemberId>,
    /// Whatever should stand beside the entry: a JSON object of at most 2,048 bytes.
    #[schema(value_type = Option<BTreeMap<String, serde_json::Value>>, example = json!({ "order": "A-17" }))]
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// Only quote: nothing moves, nothing counts.
    #[serde(default)]
    #[schema(example = false)]
    dry_run: bool,
}

/// What was spent, or would be.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Deducted {
    /// It was spent.
    Spent(Spent),
    /// It would be.
    Quoted(Quoted),
}

/// A spend.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Spent {
    /// Its name, for a refund.
    transaction_id: uuid::Uuid,
    /// The number of its entry in the ledger.
    #[schema(minimum = 1, example = 42)]
    seq: i64,
    /// The kind of tokens.
    #[schema(example = "ai")]
    token_type: String,
    /// How many.
    #[schema(minimum = 0, example = 5)]
    amount: i64,
    /// The balance after it.
    balance: BalanceAfter,
}

/// What a spend would take.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Quoted {
    /// Always true: nothing was spent.
    dry_run: bool,
    /// What it would cost.
    cost: Cost,
    /// The grants that would burn, in order.
    grants: Vec<Burn>,
    /// The balance after it.
    balance: BalanceAfter,
}

/// What would burn of a grant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Burn {
    /// The grant.
    grant_id: uuid::Uuid,
    /// Where it came from.
    #[schema(value_type = Option<String>, example = "plan")]
    source: Option<Source>,
    /// How many of its tokens.
    #[schema(minimum = 0, example = 5)]
    amount: i64,
    /// When its rest lapses; never, if null.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Instant>,
}

/// Spend
///
/// Pays for the use of a feature at once. With `dry_run` it only says what that would take.
#[utoipa::path(
    post, path = "/tokens/deduct", tag = "Tokens", operation_id = "deduct", request_body = Deduct,
    params(Repeatable),
    responses(
        (status = 200, body = Deducted, description = "Spent, or quoted."),
        Moves,
        Uses,
    ),
)]
pub(super) async fn deduct(
    State(state): State<AppState>,
    who: Who,
    Key(key): Key,
    Body(body): Body<Deduct>,
) -> Result<Response, Problem> {
    let usage = usage(&who, body.feature, body.quantity, body.member, body.metadata)?;
    if body.dry_run {
        return Ok(Json(Deducted::Quoted(quote(&state, &who, &usage).await?)).into_response());
    }
    let answer = who.submit(&state, key, Command::Spend(usage)).await?;
    let Effect::Spent { token_type, amount, balance, .. } = &answer.outcome.effect else {
        return Err(Problem::KeyReused);
    };
    let spent = Spent {
        transaction_id: answer.outcome.transaction.0,
        seq: answer.outcome.seq,
        token_type: token_type.to_string(),
        amount: amount.get(),
        balance: BalanceAfter::new(token_type, balance),
    };
    Ok(answered(StatusCode::OK, &answer, Deducted::Spent(spent), state.clock.now()))
}

/// The use that a body asks for.
pub(super) fn usage(
    who: &Who,
    feature: FeatureName,
    quantity: Option<Quantity>,
    member: Option<MemberId>,
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
) -> Result<Usage, Problem> {
    let metadata = metadata.map(|object| Metadata::try_from(serde_json::Value::Object(object).to_string())).transpose();
    let metadata = metadata.map_err(|error| Problem::on("metadata", error.to_string()))?;
    Ok(Usage { caller: who.caller(member)?, feature, quantity: quantity.unwrap_or(Quantity::ONE), metadata })
}

async fn quote(state: &AppState, who: &Who, usage: &Usage) -> Result<Quoted, Problem> {
    let account = who.account(state, Some(usage.caller)).await?;
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
    let after = account.balance(&quote.token_type).less(quote.cost);
    Ok(Quoted {
        dry_run: true,
        cost: Cost::new(&quote.token_type, quote.cost),
        grants: grants.collect(),
        balance: BalanceAfter::new(&quote.token_type, &after),
    })
}

/// A spend to take back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Refund {
    /// The spend.
    #[schema(value_type = uuid::Uuid)]
    transaction_id: TransactionId,
    /// Why, in words: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500, example = "The report was empty")]
    reason: String,
}

/// A spend that was taken back.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refunded {
    /// The refund's own name.
    transaction_id: uuid::Uuid,
    /// The spend that it takes back.
    refunds: uuid::Uuid,
    /// The number of its entry in the ledger.
    #[schema(minimum = 1, example = 43)]
    seq: i64,
    /// The kind of tokens.
    #[schema(example = "ai")]
    token_type: String,
    /// How many.
    #[schema(minimum = 0, example = 5)]
    amount: i64,
    /// The balance after it.
    balance: BalanceAfter,
}

/// Refund
///
/// Takes a spend back: once, whole, to the grants that it came from. In a browser session only an owner or admin may.
#[utoipa::path(
    post, path = "/tokens/refunds", tag = "Tokens", operation_id = "refund", request_body = Refund,
    params(Repeatable),
    responses(
        (status = 200, body = Refunded, description = "Taken back."),
        Moves,
        Ends,
    ),
)]
pub(super) async fn refund(
    State(state): State<AppState>,
    who: Who,
    Key(key): Key,
    Body(body): Body<Refund>,
) -> Result<Response, Problem> {
    who.manages()?;
    let command =
        Command::Refund { caller: who.caller(None)?, transaction: body.transaction_id, reason: reason(&body.reason)? };
    let answer = who.submit(&state, key, command).await?;
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
    Ok(answered(StatusCode::OK, &answer, refunded, state.clock.now()))
}
