//! Bodies that several calls share.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use brightmeter::{
    ids::MemberId,
    ledger::{account::Balance, tokens::Tokens},
    names::TokenType,
    reason::Reason,
    time::Instant,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{problem::Problem, rate};
use crate::service::writer::Answer;

/// A balance after something moved.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct BalanceAfter {
    /// The kind of tokens.
    #[schema(example = "ai")]
    pub(super) token_type: String,
    /// What can be spent: settled less held.
    #[schema(minimum = 0, example = 195)]
    pub(super) available: i64,
    /// Reserved by open holds.
    #[schema(minimum = 0, example = 0)]
    pub(super) held: i64,
    /// Booked.
    #[schema(minimum = 0, example = 195)]
    pub(super) settled: i64,
}

impl BalanceAfter {
    pub(super) fn new(token_type: &TokenType, balance: &Balance) -> Self {
        Self {
            token_type: token_type.to_string(),
            available: balance.available().get(),
            held: balance.held.get(),
            settled: balance.settled.get(),
        }
    }
}

/// What a use costs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Cost {
    /// In which tokens.
    #[schema(example = "ai")]
    pub(super) token_type: String,
    /// How many.
    #[schema(minimum = 0, example = 5)]
    pub(super) amount: i64,
}

impl Cost {
    pub(super) fn new(token_type: &TokenType, amount: Tokens) -> Self {
        Self { token_type: token_type.to_string(), amount: amount.get() }
    }
}

/// The answer to a command: its status, and whether it was done before.
pub(super) fn answered(status: StatusCode, answer: &Answer, body: impl Serialize, now: Instant) -> Response {
    let mut response = (status, axum::Json(body)).into_response();
    if answer.replayed {
        let name = HeaderName::from_static("idempotent-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    rate::add(&mut response, answer.rate_status, now);
    response
}

/// A reason in words.
///
/// # Errors
/// [`Problem::Invalid`].
pub(super) fn reason(text: &str) -> Result<String, Problem> {
    text.parse::<Reason>().map(String::from).map_err(|error| Problem::on("reason", error.to_string()))
}

/// The member that a key acts for.
///
/// # Errors
/// [`Problem::Invalid`].
pub(super) fn member(id: Option<&str>) -> Result<Option<MemberId>, Problem> {
    super::extract::parameter("member", id, "a member is named by its id, a UUID")
}
