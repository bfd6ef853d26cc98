//! Outcomes: the result of a command, stored by its idempotency key and replayed for the same key and command.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    command::Command,
    ids::{GrantId, HoldId, PurchaseId, TransactionId},
    ledger::{balance::Balance, grant::GrantPart, tokens::Tokens},
    names::{PlanName, TokenType},
    time::Instant,
};

/// The result of an applied command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The command's transaction.
    pub transaction: TransactionId,
    /// The sequence number of the organization's last entry after the command.
    pub seq: i64,
    /// When it was applied.
    pub at: Instant,
    /// The effect of the command.
    pub effect: Effect,
}

/// The effect of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// A feature was charged.
    Spent {
        /// The token type.
        token_type: TokenType,
        /// The number of tokens.
        amount: Tokens,
        /// The balance after.
        balance: Balance,
        /// The grants it burned.
        parts: Vec<GrantPart>,
    },
    /// A hold reserved tokens.
    HoldOpened {
        /// The hold.
        hold: HoldId,
        /// The token type.
        token_type: TokenType,
        /// The number of tokens.
        amount: Tokens,
        /// When the hold expires.
        expires_at: Instant,
        /// The balance after.
        balance: Balance,
    },
    /// A hold was charged.
    Captured {
        /// The hold.
        hold: HoldId,
        /// The token type.
        token_type: TokenType,
        /// The tokens charged.
        amount: Tokens,
        /// The tokens that are available again.
        returned: Tokens,
        /// The balance after.
        balance: Balance,
    },
    /// A hold was released; nothing was charged.
    Released {
        /// The hold.
        hold: HoldId,
        /// The token type.
        token_type: TokenType,
        /// The tokens that are available again.
        returned: Tokens,
        /// The reason.
        reason: String,
        /// The balance after.
        balance: Balance,
    },
    /// A spend was refunded.
    Refunded {
        /// The transaction of the spend.
        of: TransactionId,
        /// The token type.
        token_type: TokenType,
        /// The number of tokens.
        amount: Tokens,
        /// The balance after.
        balance: Balance,
    },
    /// A grant was created.
    Granted {
        /// The grant.
        grant: GrantId,
        /// The token type.
        token_type: TokenType,
        /// The number of tokens.
        amount: Tokens,
        /// The tokens that paid debt instead of becoming available.
        paid_debt: Tokens,
        /// The balance after.
        balance: Balance,
    },
    /// A balance was corrected.
    Adjusted {
        /// The token type.
        token_type: TokenType,
        /// The correction, signed.
        amount: i64,
        /// The balance after.
        balance: Balance,
    },
    /// The plan changed, or will change at the next reset.
    PlanChanged {
        /// The chosen plan.
        plan: PlanName,
        /// When it takes effect.
        from: Instant,
    },
    /// The facts of a payment were recorded.
    PaymentRecorded {
        /// The purchase.
        purchase: PurchaseId,
        /// The receipt number; `None` until the purchase is paid.
        number: Option<i64>,
    },
    /// The facts of invoices were recorded.
    InvoicesRecorded,
    /// The subscription snapshot was applied, or ignored because it was stale.
    SubscriptionsSynced,
    /// Staff suspended the license.
    Suspended,
    /// Staff lifted their suspension.
    Lifted,
    /// Everything due was booked: expiries, the reset, license steps.
    Advanced,
}

/// The SHA-256 of a command. It distinguishes a repeat from another command under the same idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// Feeds a serializer's output into the hash without copying the command.
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
    /// Returns the fingerprint of `command`. It covers every field and nothing else.
    pub fn of(command: &Command) -> Self {
        let mut writer = HashWriter(Sha256::new());
        // Neither step can fail: a command is plain data with text keys, and the hasher accepts every byte.
        let _ = serde_json::to_writer(&mut writer, command);
        Self(writer.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        command::{Caller, Usage},
        ids::{ApiKeyId, MemberId},
        ledger::attachment::Attachment,
        quantity::Quantity,
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
        let attachment = goal.map(|goal| Attachment::new("quests.goal", &goal).unwrap());
        Command::OpenHold { usage: usage(None, 1, "{\"order\":1}"), ttl_seconds, attachment }
    }

    #[test]
    fn equal_commands_have_equal_fingerprints_and_different_ones_do_not() {
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
