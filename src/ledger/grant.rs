//! Grants: lots of tokens, and the order in which they burn.

use serde::{Deserialize, Serialize};

use crate::{ids::GrantId, ledger::tokens::Tokens, names::TokenType, time::Instant};

/// Where a grant came from. The order is the burn-down order among grants that expire at the same instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The allowance of a period.
    Plan,
    /// A gift.
    Promo,
    /// Stands in for a grant that expired while a job held its tokens.
    Refund,
    /// Bought.
    Pack,
    /// Given by staff.
    Admin,
}

impl Source {
    /// The name in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Promo => "promo",
            Self::Refund => "refund",
            Self::Pack => "pack",
            Self::Admin => "admin",
        }
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Plan => "Monthly allowance",
            Self::Promo => "Promotion",
            Self::Refund => "Returned",
            Self::Pack => "Pack",
            Self::Admin => "Added by support",
        }
    }

    /// The source of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Plan, Self::Promo, Self::Refund, Self::Pack, Self::Admin]
            .into_iter()
            .find(|source| source.as_str() == text)
    }
}

/// A lot of tokens. `held ≤ remaining ≤ amount`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The kind of tokens.
    pub token_type: TokenType,
    /// Where it came from.
    pub source: Source,
    /// How many it brought.
    pub amount: Tokens,
    /// How many are booked to it still, held ones included.
    pub remaining: Tokens,
    /// How many of those open holds reserve.
    pub held: Tokens,
    /// When what is left lapses; never, if nothing.
    pub expires_at: Option<Instant>,
    /// For an allowance, the start of its period.
    pub period_start: Option<Instant>,
    /// When it was made.
    pub created_at: Instant,
}

impl Grant {
    /// What a spend or a hold can take.
    pub fn free(&self) -> Tokens {
        self.remaining.saturating_sub(self.held)
    }

    /// Whether it has lapsed at `now`.
    pub fn has_expired(&self, now: Instant) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// The key of the burn-down order: earliest expiry first, never-expiring last; then source; then oldest.
    pub fn burn_order(&self) -> impl Ord + use<> {
        (self.expires_at.is_none(), self.expires_at, self.source, self.created_at, self.id)
    }
}

/// Tokens of one grant: a piece of a spend or of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The grant.
    pub grant: GrantId,
    /// How many of its tokens.
    pub amount: Tokens,
}

/// The sum of `parts`.
pub fn sum(parts: &[Part]) -> Tokens {
    parts.iter().map(|part| part.amount).sum()
}
