//! Parts of response bodies that several routes share.

use brightmeter::{
    ledger::{balance::Balance, tokens::Tokens},
    names::TokenType,
};
use serde::Serialize;
use utoipa::ToSchema;

/// The balance of a token type after a change.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct BalanceAfter {
    /// The token type.
    #[schema(example = "ai")]
    pub(super) token_type: String,
    /// The tokens that can be spent: settled − held.
    #[schema(minimum = 0, example = 195)]
    pub(super) available: i64,
    /// The tokens reserved by open holds.
    #[schema(minimum = 0, example = 0)]
    pub(super) held: i64,
    /// The balance before holds.
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

/// The cost of using a feature.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Cost {
    /// The token type.
    #[schema(example = "ai")]
    pub(super) token_type: String,
    /// The number of tokens.
    #[schema(minimum = 0, example = 5)]
    pub(super) amount: i64,
}

impl Cost {
    pub(super) fn new(token_type: &TokenType, amount: Tokens) -> Self {
        Self { token_type: token_type.to_string(), amount: amount.get() }
    }
}
