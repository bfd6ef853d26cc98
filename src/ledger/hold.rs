//! Holds: tokens reserved for one job.

use serde::{Deserialize, Serialize};

use crate::{
    command::Caller,
    ids::HoldId,
    ledger::{grant::Part, tokens::Tokens},
    names::{FeatureName, TokenType},
    time::Instant,
};

/// A reservation. It ends exactly once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// What it is for.
    pub feature: FeatureName,
    /// Who opened it.
    pub caller: Caller,
    /// The kind of tokens.
    pub token_type: TokenType,
    /// The grants that it reserves from, in burn-down order; they add up to the amount held.
    pub parts: Vec<Part>,
    /// How it stands.
    pub state: HoldState,
    /// When it was opened.
    pub opened_at: Instant,
    /// When it lapses if nobody ends it.
    pub expires_at: Instant,
}

/// How a hold stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum HoldState {
    /// It reserves its tokens.
    Open,
    /// The job was done and charged.
    Captured {
        /// What was charged; the rest returned.
        amount: Tokens,
        /// When.
        at: Instant,
    },
    /// The job was not done and nothing was charged.
    Released {
        /// Why, in words for the customer.
        reason: String,
        /// When.
        at: Instant,
    },
    /// Nobody ended it in time; nothing was charged.
    Expired {
        /// When it was noticed.
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
}

impl Hold {
    /// What it reserves, or reserved.
    pub fn amount(&self) -> Tokens {
        crate::ledger::grant::sum(&self.parts)
    }

    /// Whether it reserves tokens.
    pub fn is_open(&self) -> bool {
        self.state == HoldState::Open
    }
}
