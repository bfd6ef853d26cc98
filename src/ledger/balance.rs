//! Balances of one token type.

use serde::{Deserialize, Serialize};

use crate::ledger::tokens::Tokens;

/// The balance of one token type. `held ≤ settled`, and no part is ever negative (invariant I2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The booked tokens, held ones included: the sum of the entries' amounts and of the grants' `remaining`.
    pub settled: Tokens,
    /// The tokens reserved by open holds.
    pub held: Tokens,
    /// The shortfall of clawbacks, in tokens. The next pack pays it first.
    pub debt: Tokens,
}

impl Balance {
    /// Returns the tokens that a spend or a hold can take: `settled − held`.
    pub fn available(&self) -> Tokens {
        self.settled.minus(self.held)
    }

    /// Returns the balance after a spend of `amount`.
    pub fn after_spending(&self, amount: Tokens) -> Self {
        Self { settled: self.settled.minus(amount), ..*self }
    }

    /// Returns the tokens that can be added before `settled` reaches [`Tokens::MAX`].
    pub fn room(&self) -> Tokens {
        Tokens::MAX.minus(self.settled)
    }
}
