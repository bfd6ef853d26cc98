//! Holds: tokens reserved for one job.

use serde::{Deserialize, Serialize};

use crate::{
    command::Caller,
    ids::HoldId,
    ledger::{grant::GrantPart, tokens::Tokens},
    names::{FeatureName, TokenType},
    time::Instant,
};

/// A reservation of tokens for one job. It ends exactly once: captured, released or expired (invariant I3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The hold's id.
    pub id: HoldId,
    /// The feature that the job uses.
    pub feature: FeatureName,
    /// The caller who opened it.
    pub caller: Caller,
    /// The token type.
    pub token_type: TokenType,
    /// The grants it reserves from, in burn-down order. They add up to the amount held.
    pub parts: Vec<GrantPart>,
    /// Open, or how it ended.
    pub state: HoldState,
    /// When it was opened.
    pub opened_at: Instant,
    /// When it expires if it is neither captured nor released before.
    pub expires_at: Instant,
}

/// The state of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum HoldState {
    /// The tokens are reserved.
    Open,
    /// The job succeeded and was charged.
    Captured {
        /// The tokens charged; the rest returned to the grants.
        amount: Tokens,
        /// When it was captured.
        at: Instant,
    },
    /// The job failed or was abandoned; nothing was charged.
    Released {
        /// The reason, worded for the customer.
        reason: String,
        /// When it was released.
        at: Instant,
    },
    /// The hold reached its TTL; nothing was charged.
    Expired {
        /// When the expiry was booked, which may be later than `expires_at`.
        at: Instant,
    },
}

impl HoldState {
    /// The name in the database and the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Captured { .. } => "captured",
            Self::Released { .. } => "released",
            Self::Expired { .. } => "expired",
        }
    }

    /// When the hold ended; `None` while it is open.
    pub const fn ended_at(&self) -> Option<Instant> {
        match self {
            Self::Open => None,
            Self::Captured { at, .. } | Self::Released { at, .. } | Self::Expired { at } => Some(*at),
        }
    }
}

impl Hold {
    /// Returns the tokens it reserves, or reserved while it was open.
    pub fn amount(&self) -> Tokens {
        crate::ledger::grant::sum(&self.parts)
    }

    /// Whether the hold is open.
    pub fn is_open(&self) -> bool {
        self.state == HoldState::Open
    }
}
