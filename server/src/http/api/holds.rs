//! `/tokens/holds`: reserves tokens for a job, then charges or releases them. This file has what the routes share.

pub(super) mod capture;
pub(super) mod open;
pub(super) mod release;
pub(super) mod show;

use axum::{
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
    response::Response,
};
use brightmeter::{
    ids::HoldId,
    ledger::{outcome::Effect, tokens::Tokens},
    time::Instant,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{bodies::BalanceAfter, command_response::command_response};
use crate::{
    http::{problem::Problem, state::AppState},
    service::writer::Answer,
};

/// The hold's id in the path. If it isn't a UUID, the hold doesn't exist.
pub(super) struct HoldPath(HoldId);

impl FromRequestParts<AppState> for HoldPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let id = Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::NotFound)?;
        id.parse().map(Self).map_err(|_| Problem::NotFound)
    }
}

/// A hold that has just ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ended {
    /// The hold's id.
    hold_id: uuid::Uuid,
    /// The id of the transaction that ended it.
    transaction_id: uuid::Uuid,
    /// `captured` or `released`.
    #[schema(example = "captured")]
    state: &'static str,
    /// The token type.
    #[schema(example = "ai")]
    token_type: String,
    /// The number of tokens charged.
    #[schema(minimum = 0, example = 5)]
    amount: i64,
    /// The number of tokens returned.
    #[schema(minimum = 0, example = 0)]
    returned: i64,
    /// The balance after it.
    balance: BalanceAfter,
}

/// Builds the response to a capture or a release.
fn ended_response(answer: &Answer, now: Instant) -> Result<Response, Problem> {
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
    Ok(command_response(StatusCode::OK, answer, ended, now))
}
