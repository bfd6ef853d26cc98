//! Receipts: what a command was answered, kept by its idempotency key and replayed to a repeat of it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    command::Command,
    ids::{GrantId, HoldId, PurchaseId, TransactionId},
    ledger::{account::Balance, grant::Part, tokens::Tokens},
    names::{PlanName, TokenType},
    time::Instant,
};

/// The answer to an applied command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The command's transaction.
    pub transaction: TransactionId,
    /// The number of the log's last entry after it.
    pub seq: i64,
    /// When it was applied.
    pub at: Instant,
    /// What it did.
    pub effect: Effect,
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
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
    /// What was told of a payment is known.
    PaymentRecorded {
        /// The purchase.
        purchase: PurchaseId,
        /// The number of its receipt, once it is paid.
        number: Option<i64>,
    },
    /// What was told of invoices is known.
    InvoicesRecorded,
    /// How the subscription stands is known.
    SubscriptionSynced,
    /// Staff have suspended the license.
    Suspended,
    /// What staff had suspended is suspended by them no more.
    Lifted,
    /// What time brought was booked.
    Advanced,
}

/// SHA-256 of a command: tells a repeat of it from another one under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// Takes a serializer's output straight into the hash, so that no copy of the command is made.
struct HashWriter(Sha256);

impl std::io::Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Fingerprint {
    /// The fingerprint of `command`: covers every field of it and nothing else.
    pub fn of(command: &Command) -> Self {
        let mut writer = HashWriter(Sha256::new());
        // Neither can fail: a command is plain data with text keys, and a hash takes every byte.
        let _ = serde_json::to_writer(&mut writer, command);
        Self(writer.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        command::{Caller, Quantity, Usage},
        features::quest::Goal,
        ids::{ApiKeyId, MemberId},
    };

    fn usage(member: Option<u128>, quantity: u32, metadata: &str) -> Usage {
        Usage {
            caller: Caller::ApiKey {
                api_key: ApiKeyId(Uuid::from_u128(1)),
                member: member.map(Uuid::from_u128).map(MemberId),
            },
            feature: "quest_generation".parse().unwrap(),
            quantity: Quantity::try_from(quantity).unwrap(),
            metadata: Some(metadata.to_owned().try_into().unwrap()),
        }
    }

    fn hold(ttl_seconds: Option<u32>, goal: Option<&str>) -> Command {
        let job = goal.map(|goal| Goal::parse(goal).unwrap());
        Command::OpenHold { usage: usage(None, 1, "{\"order\":1}"), ttl_seconds, job }
    }

    #[test]
    fn a_fingerprint_tells_any_two_commands_apart_and_knows_each_again() {
        let commands = [
            Command::Spend(usage(None, 1, "{\"order\":1}")),
            Command::Spend(usage(None, 1, "{\"order\":2}")),
            Command::Spend(usage(None, 2, "{\"order\":1}")),
            Command::Spend(usage(Some(2), 1, "{\"order\":1}")),
            hold(None, None),
            hold(Some(60), None),
            hold(None, Some("More customers")),
            hold(None, Some("Less customers")),
            Command::Advance,
        ];
        for (i, one) in commands.iter().enumerate() {
            for (j, other) in commands.iter().enumerate() {
                assert_eq!(Fingerprint::of(one) == Fingerprint::of(&other.clone()), i == j, "{one:?} and {other:?}");
            }
        }
    }
}
