//! Grants: lots of tokens, and the burn-down order.

use serde::{Deserialize, Serialize};

use crate::{ids::GrantId, ledger::tokens::Tokens, names::TokenType, time::Instant};

/// The source of a grant. The variants are in burn-down order, which decides among grants that expire at the same
/// instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The allowance of a period.
    Plan,
    /// A promotion.
    Promo,
    /// A replacement for tokens that were returned after their grant had expired.
    Refund,
    /// A purchased pack.
    Pack,
    /// A correction or gift by staff.
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

    /// The label in the UI.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Plan => "Monthly allowance",
            Self::Promo => "Promotion",
            Self::Refund => "Returned",
            Self::Pack => "Pack",
            Self::Admin => "Added by support",
        }
    }

    /// Parses a name from [`as_str`](Self::as_str); `None` if it is unknown.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Plan, Self::Promo, Self::Refund, Self::Pack, Self::Admin]
            .into_iter()
            .find(|source| source.as_str() == text)
    }
}

/// Tokens with a source and an expiry. `held ≤ remaining ≤ amount`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The grant's id.
    pub id: GrantId,
    /// The token type.
    pub token_type: TokenType,
    /// The source: plan, promotion, refund, pack or staff.
    pub source: Source,
    /// The tokens granted. An upgrade raises it for an allowance.
    pub amount: Tokens,
    /// The tokens not yet spent, held ones included.
    pub remaining: Tokens,
    /// The tokens reserved by open holds.
    pub held: Tokens,
    /// When the unused remainder expires. `None`: never.
    pub expires_at: Option<Instant>,
    /// The start of the billing period, for an allowance; otherwise `None`.
    pub period_start: Option<Instant>,
    /// When it was created.
    pub created_at: Instant,
}

impl Grant {
    /// Returns the tokens that a spend or a hold can take: `remaining − held`.
    pub fn free(&self) -> Tokens {
        self.remaining.minus(self.held)
    }

    /// Whether the grant has expired at `now`.
    pub fn has_expired(&self, now: Instant) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Returns the sort key of the burn-down order: earliest expiry first, never-expiring last; then source; then
    /// oldest.
    pub fn burn_order(&self) -> impl Ord + use<> {
        (self.expires_at.is_none(), self.expires_at, self.source, self.created_at, self.id)
    }
}

/// The share of one grant in a spend, a hold or an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantPart {
    /// The grant.
    pub grant: GrantId,
    /// The tokens taken from it or added to it.
    pub amount: Tokens,
}

/// Returns the sum of the parts' amounts.
pub fn sum(parts: &[GrantPart]) -> Tokens {
    parts.iter().map(|part| part.amount).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_has_a_name_and_a_label() {
        for (name, label) in [
            ("plan", "Monthly allowance"),
            ("promo", "Promotion"),
            ("refund", "Returned"),
            ("pack", "Pack"),
            ("admin", "Added by support"),
        ] {
            let source = Source::parse(name).unwrap();
            assert_eq!((source.as_str(), source.label()), (name, label));
        }
        assert_eq!(Source::parse("Plan"), None);
    }
}
