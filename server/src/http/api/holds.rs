//! `/tokens/holds`: reserving for one job, and charging it or not.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use brightmeter::{
    command::{Command, Quantity},
    ids::MemberId,
    ledger::{hold::HoldState, outcome::Effect, tokens::Tokens},
    names::FeatureName,
    time::Instant,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    answers::{Ends, Moves, Named, Reads, Repeatable, Uses},
    bodies::{BalanceAfter, answered, reason},
    extract::{Body, HoldPath, Key},
    gate::Who,
    problem::Problem,
    spends::usage,
};
use crate::{http::AppState, service::writer::Answer, storage};

/// What a hold is released for, if nobody says.
const DEFAULT_REASON: &str = "released by the service";

/// A use to reserve for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenHold {
    /// The feature to use.
    #[schema(value_type = String, min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_-]*$", example = "quest_generation")]
    feature: FeatureName,
    /// How many times; once if not said.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 10_000, example = 1)]
    quantity: Option<Quantity>,
    /// The member to act for, whose limits then apply.
    #[schema(value_type = Option<uuid::Uuid>, example = json!(null))]
    member: Option<MemberId>,
    /// How long it may last; 15 minutes if not said, 24 hours at most.
    #[schema(minimum = 1, maximum = 86_400, example = 600)]
    ttl_seconds: Option<u32>,
    /// Whatever should stand beside the entry: a JSON object of at most 2,048 bytes.
    #[schema(value_type = Option<BTreeMap<String, serde_json::Value>>, example = json!({ "job": "17" }))]
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A hold that was opened.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Opened {
    /// The hold.
    hold_id: uuid::Uuid,
    /// The transaction that opened it.
    transaction_id: uuid::Uuid,
    /// The kind of tokens.
    #[schema(example = "ai")]
    token_type: String,
    /// How many are reserved.
    #[schema(minimum = 0, example = 5)]
    amount: i64,
    /// When they return by themselves.
    #[schema(value_type = String, format = DateTime, example = "2026-11-23T10:15:00Z")]
    expires_at: Instant,
    /// The balance after it.
    balance: BalanceAfter,
}

/// Open a hold
///
/// Reserves the cost of a feature for one job. Capture it when the job has delivered, release it when it has not; if you do
/// neither, it lapses and nothing was charged.
#[utoipa::path(
    post, path = "/tokens/holds", tag = "Holds", operation_id = "openHold", request_body = OpenHold,
    params(Repeatable),
    responses(
        (status = 201, body = Opened, description = "Reserved."),
        Moves,
        Uses,
    ),
)]
pub(super) async fn open(
    State(state): State<AppState>,
    who: Who,
    Key(key): Key,
    Body(body): Body<OpenHold>,
) -> Result<Response, Problem> {
    let OpenHold { feature, quantity, member, ttl_seconds, metadata } = body;
    let usage = usage(&who, feature, quantity, member, metadata)?;
    let command = Command::OpenHold { usage, ttl_seconds, job: None };
    let answer = who.submit(&state, key, command).await?;
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
    Ok(answered(StatusCode::CREATED, &answer, opened, state.clock.now()))
}

/// What to charge.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Capture {
    /// How many tokens, at most what is held; all of it if not said.
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000_000_000_i64, example = 5)]
    amount: Option<Tokens>,
}

/// Why nothing is charged.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Release {
    /// In words: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500, example = "The model did not answer")]
    reason: Option<String>,
}

/// A hold that was ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ended {
    /// The hold.
    hold_id: uuid::Uuid,
    /// The transaction that ended it.
    transaction_id: uuid::Uuid,
    /// `captured` or `released`.
    #[schema(example = "captured")]
    state: &'static str,
    /// The kind of tokens.
    #[schema(example = "ai")]
    token_type: String,
    /// What was charged.
    #[schema(minimum = 0, example = 5)]
    amount: i64,
    /// What is free again.
    #[schema(minimum = 0, example = 0)]
    returned: i64,
    /// The balance after it.
    balance: BalanceAfter,
}

/// Capture a hold
///
/// Charges what is held, or less; the rest returns to the grants it came from. Of capture, release and expiry exactly one wins.
#[utoipa::path(
    post, path = "/tokens/holds/{id}/capture", tag = "Holds", operation_id = "captureHold", request_body(content = Capture),
    params(
        ("id" = uuid::Uuid, Path, description = "The hold."),
        Repeatable,
    ),
    responses(
        (status = 200, body = Ended, description = "Charged."),
        Moves,
        Ends,
    ),
)]
pub(super) async fn capture(
    State(state): State<AppState>,
    who: Who,
    HoldPath(hold): HoldPath,
    Key(key): Key,
    Body(body): Body<Capture>,
) -> Result<Response, Problem> {
    let command = Command::Capture { hold, amount: body.amount, quests: Vec::new() };
    let answer = who.submit(&state, key, command).await?;
    ended(&answer, state.clock.now())
}

/// Release a hold
///
/// Gives it up: nothing is charged, everything returns.
#[utoipa::path(
    post, path = "/tokens/holds/{id}/release", tag = "Holds", operation_id = "releaseHold", request_body(content = Release),
    params(
        ("id" = uuid::Uuid, Path, description = "The hold."),
        Repeatable,
    ),
    responses(
        (status = 200, body = Ended, description = "Given up."),
        Moves,
        Ends,
    ),
)]
pub(super) async fn release(
    State(state): State<AppState>,
    who: Who,
    HoldPath(hold): HoldPath,
    Key(key): Key,
    Body(body): Body<Release>,
) -> Result<Response, Problem> {
    let reason = body.reason.as_deref().map(reason).transpose()?.unwrap_or_else(|| DEFAULT_REASON.into());
    let answer = who.submit(&state, key, Command::Release { hold, reason }).await?;
    ended(&answer, state.clock.now())
}

/// How a hold was ended, whichever way.
fn ended(answer: &Answer, now: Instant) -> Result<Response, Problem> {
    let (state, hold, token_type, amount, returned, balance) = match &answer.outcome.effect {
        Effect::Captured { hold, token_type, amount, returned, balance } => {
            ("captured", hold, token_type, *amount, returned, balance)
        }
        Effect::Released { hold, token_type, returned, balance, .. } => {
            ("released", hold, token_type, Tokens::ZERO, returned, balance)
        }
        _ => return Err(Problem::KeyReused),
    };
    let ended = Ended {
        hold_id: hold.0,
        transaction_id: answer.outcome.transaction.0,
        state,
        token_type: token_type.to_string(),
        amount: amount.get(),
        returned: returned.get(),
        balance: BalanceAfter::new(token_type, balance),
    };
    Ok(answered(StatusCode::OK, answer, ended, now))
}

/// A hold as it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HoldBody {
    /// The hold.
    hold_id: uuid::Uuid,
    /// `open`, `captured`, `released` or `expired`.
    #[schema(example = "open")]
    state: &'static str,
    /// What it is for.
    #[schema(example = "quest_generation")]
    feature: String,
    /// The kind of tokens.
    #[schema(example = "ai")]
    token_type: String,
    /// What it reserves, or reserved.
    #[schema(minimum = 0, example = 5)]
    amount: i64,
    /// What was charged, once it is captured.
    #[schema(minimum = 0)]
    captured: Option<i64>,
    /// Why nothing was charged, once it is released.
    reason: Option<String>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    opened_at: Instant,
    /// When it lapses, or would have.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Instant,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Instant>,
}

/// Show a hold
#[utoipa::path(
    get, path = "/tokens/holds/{id}", tag = "Holds", operation_id = "getHold",
    params(("id" = uuid::Uuid, Path, description = "The hold.")),
    responses(
        (status = 200, body = HoldBody, description = "How it stands."),
        Reads,
        Named,
    ),
)]
pub(super) async fn show(
    State(state): State<AppState>,
    who: Who,
    HoldPath(id): HoldPath,
) -> Result<Json<HoldBody>, Problem> {
    let mut tx = who.open(&state).await?;
    let hold = storage::holds::find(&mut tx, who.org(), id).await?.ok_or(Problem::NotFound)?;
    let (mut captured, mut reason, mut ended_at) = (None, None, None);
    match &hold.state {
        HoldState::Open => {}
        HoldState::Captured { amount, at } => (captured, ended_at) = (Some(amount.get()), Some(*at)),
        HoldState::Released { reason: why, at } => (reason, ended_at) = (Some(why.clone()), Some(*at)),
        HoldState::Expired { at } => ended_at = Some(*at),
    }
    Ok(Json(HoldBody {
        hold_id: hold.id.0,
        state: hold.state.as_str(),
        feature: hold.feature.to_string(),
        token_type: hold.token_type.to_string(),
        amount: hold.amount().get(),
        captured,
        reason,
        opened_at: hold.opened_at,
        expires_at: hold.expires_at,
        ended_at,
    }))
}
