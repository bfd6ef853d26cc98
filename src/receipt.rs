//! Receipts: what a command was answered, kept by its idempotency key and replayed to a repeat of it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    account::Balance,
    command::Command,
    grant::Part,
    ids::{GrantId, HoldId, TransactionId},
    names::{PlanName, TokenType},
    time::Instant,
    tokens::Tokens,
};

/// The answer to an applied command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The command's transaction.
    pub transaction: TransactionId,
    /// The number of the log's last entry after it.
    pub seq: i64,
    /// When it was applied.
    pub at: Instant,
    /// What it did.
    pub outcome: Outcome,
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// A feature was paid.
    Spent {
        /// The kind of tokens.
        token_type: TokenType,
        /// How many.
        amount: Tokens,
        /// The balance after.
        balance: Balance,
        /// The grants that burned.
        parts: Vec<Part>,
    },
    /// Tokens are reserved.
    HoldOpened {
        /// The hold.
        hold: HoldId,
        /// The kind of tokens.
        token_type: TokenType,
        /// How many.
        amount: Tokens,
        /// When it lapses.
        expires_at: Instant,
        /// The balance after.
        balance: Balance,
    },
    /// A hold was charged.
    Captured {
        /// The hold.
        hold: HoldId,
        /// The kind of tokens.
        token_type: TokenType,
        /// What was charged.
        amount: Tokens,
        /// What is free again.
        returned: Tokens,
        /// The balance after.
        balance: Balance,
    },
    /// A hold was given up.
    Released {
        /// The hold.
        hold: HoldId,
        /// The kind of tokens.
        token_type: TokenType,
        /// What is free again.
        returned: Tokens,
        /// Why.
        reason: String,
        /// The balance after.
        balance: Balance,
    },
    /// A spend was returned.
    Refunded {
        /// The spend.
        of: TransactionId,
        /// The kind of tokens.
        token_type: TokenType,
        /// How many.
        amount: Tokens,
        /// The balance after.
        balance: Balance,
    },
    /// A grant was made.
    Granted {
        /// The grant.
        grant: GrantId,
        /// The kind of tokens.
        token_type: TokenType,
        /// How many.
        amount: Tokens,
        /// How many of them paid a debt.
        paid_debt: Tokens,
        /// The balance after.
        balance: Balance,
    },
    /// A balance was corrected.
    Adjusted {
        /// The kind of tokens.
        token_type: TokenType,
        /// By how much, signed.
        amount: i64,
        /// The balance after.
        balance: Balance,
    },
    /// The plan was, or will be, changed.
    PlanChanged {
        /// The plan.
        plan: PlanName,
        /// From when it counts.
        from: Instant,
    },
    /// What time brought was booked.
    Advanced,
}

/// SHA-256 of a command: tells a repeat of it from another one under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// Feeds a serializer straight into the hash, so that no copy of the command is made.
struct HashWriter(Sha256);

impl std::fmt::Write for HashWriter {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

impl Fingerprint {
    /// The fingerprint of `command`: covers every field of it and nothing else.
    pub fn of(command: &Command) -> Self {
        use std::fmt::Write;
        let mut writer = HashWriter(Sha256::new());
        // The derived Debug names every field, and a hash writer never fails.
        let _ = write!(writer, "{command:?}");
        // All but metadata, of which it shows no more than the size.
        if let Command::Spend(usage) | Command::OpenHold { r#use: usage, .. } = command
            && let Some(metadata) = &usage.metadata
        {
            writer.0.update(metadata.as_str());
        }
        Self(writer.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        command::{Caller, Quantity, Use},
        ids::KeyId,
    };

    fn spend(metadata: Option<&str>, quantity: u32) -> Command {
        let key = KeyId(uuid::Uuid::from_u128(1));
        Command::Spend(Use {
            caller: Caller::Key { key, member: None },
            feature: "quest_generation".parse().unwrap(),
            quantity: Quantity::try_from(quantity).unwrap(),
            metadata: metadata.map(|text| text.to_owned().try_into().unwrap()),
        })
    }

    #[test]
    fn a_fingerprint_tells_any_two_commands_apart() {
        let (a, b) = (Some("{\"order\":1}"), Some("{\"order\":2}"));
        let hold = |metadata, ttl_seconds| match spend(metadata, 1) {
            Command::Spend(usage) => Command::OpenHold { r#use: usage, ttl_seconds, job: None },
            other => other,
        };
        let commands = [
            spend(None, 1),
            spend(None, 2),
            spend(a, 1),
            spend(b, 1),
            hold(None, None),
            hold(a, None),
            hold(b, None),
            hold(b, Some(60)),
            Command::Advance,
        ];
        for (i, one) in commands.iter().enumerate() {
            for (j, other) in commands.iter().enumerate() {
                assert_eq!(Fingerprint::of(one) == Fingerprint::of(other), i == j, "{one:?} and {other:?}");
            }
        }
    }
}
