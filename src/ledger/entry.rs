//! Ledger entries: the append-only, hash-chained record of every token that moved.

use std::fmt;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    command::{Caller, Metadata},
    ids::{HoldId, MemberId, OrgId, PurchaseId, TransactionId},
    ledger::{
        balance::Balance,
        grant::{GrantPart, Source},
    },
    names::{FeatureName, TokenType},
    time::Instant,
};

/// The kind of an entry: what happened to the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A grant was created.
    Granted,
    /// The unused remainder of a grant expired.
    Expired,
    /// A feature was used and charged immediately.
    Spent,
    /// A hold reserved tokens.
    Held,
    /// A hold was charged, in whole or in part; the rest is available again.
    Captured,
    /// A hold was released; nothing was charged.
    Released,
    /// A hold expired; nothing was charged.
    HoldExpired,
    /// A spend was refunded.
    Refunded,
    /// Staff corrected the balance.
    Adjusted,
    /// An upgrade raised the allowance of the current period.
    PlanChanged,
    /// A refund or a lost dispute took tokens of a purchase back; a shortfall became debt.
    ClawedBack,
    /// Tokens that were taken back were returned: the refund failed or the dispute was won.
    Reinstated,
    /// Tokens of a purchase were set aside while its payment is disputed.
    Frozen,
    /// Tokens that were set aside are available again.
    Thawed,
    /// Tokens that returned to a purchase paid its debt.
    DebtPaid,
}

impl EntryKind {
    /// All kinds, in order of declaration.
    pub const ALL: [Self; 15] = [
        Self::Granted,
        Self::Expired,
        Self::Spent,
        Self::Held,
        Self::Captured,
        Self::Released,
        Self::HoldExpired,
        Self::Refunded,
        Self::Adjusted,
        Self::PlanChanged,
        Self::ClawedBack,
        Self::Reinstated,
        Self::Frozen,
        Self::Thawed,
        Self::DebtPaid,
    ];

    /// The name in the database, the API and the hash.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Expired => "expired",
            Self::Spent => "spent",
            Self::Held => "held",
            Self::Captured => "captured",
            Self::Released => "released",
            Self::HoldExpired => "hold_expired",
            Self::Refunded => "refunded",
            Self::Adjusted => "adjusted",
            Self::PlanChanged => "plan_changed",
            Self::ClawedBack => "clawed_back",
            Self::Reinstated => "reinstated",
            Self::Frozen => "frozen",
            Self::Thawed => "thawed",
            Self::DebtPaid => "debt_paid",
        }
    }

    /// The label in the UI.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Granted => "Added",
            Self::Expired => "Expired",
            Self::Spent => "Spent",
            Self::Held => "Reserved",
            Self::Captured => "Charged",
            Self::Released => "Not charged",
            Self::HoldExpired => "Not charged, hold expired",
            Self::Refunded => "Refunded",
            Self::Adjusted => "Adjusted",
            Self::PlanChanged => "Plan changed",
            Self::ClawedBack => "Removed, payment reversed",
            Self::Reinstated => "Restored, payment confirmed",
            Self::Frozen => "Frozen, payment disputed",
            Self::Thawed => "Unfrozen, dispute closed",
            Self::DebtPaid => "Debt repaid",
        }
    }

    /// Parses a name from [`as_str`](Self::as_str); `None` if it is unknown.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The uses that the entry counts as: 1 for spends and captures, -1 for refunds, 0 for all others. The tokens used are
    /// those that leave the settled balance.
    pub const fn uses(self) -> i64 {
        match self {
            Self::Spent | Self::Captured => 1,
            Self::Refunded => -1,
            _ => 0,
        }
    }

    /// Whether the entry counts towards usage.
    pub const fn is_use(self) -> bool {
        self.uses() != 0
    }
}

/// The SHA-256 hash of an entry. It covers the hash of the previous entry, which makes the ledger a hash chain.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntryHash(pub [u8; 32]);

impl EntryHash {
    /// Returns the hash that the first entry of an organization is chained to.
    pub fn genesis(org: OrgId) -> Self {
        Self(Sha256::new().chain_update(b"brightmeter entry 1").chain_update(org.0.as_bytes()).finalize().into())
    }
}

impl fmt::Debug for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One signed, append-only entry of the ledger, with the balance before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The sequence number within the organization: 1, 2, 3, … without gaps.
    pub seq: i64,
    /// The transaction of the command that appended it.
    pub transaction: TransactionId,
    /// The kind of the entry.
    pub kind: EntryKind,
    /// The token type.
    pub token_type: TokenType,
    /// The balance before.
    pub before: Balance,
    /// The balance after.
    pub after: Balance,
    /// The affected grants, each with its amount of tokens.
    pub parts: Vec<GrantPart>,
    /// The source of the grant that was created, raised or expired.
    pub source: Option<Source>,
    /// The feature that was used.
    pub feature: Option<FeatureName>,
    /// The caller of the command; [`Caller::System`] for resets, expiries and payments.
    pub caller: Caller,
    /// The member whose usage it counts for: the caller's, or for a refund the member who spent.
    pub member: Option<MemberId>,
    /// The hold that it opened or ended.
    pub hold: Option<HoldId>,
    /// The transaction that it reverses.
    pub reverses: Option<TransactionId>,
    /// The purchase that the tokens belong to.
    pub purchase: Option<PurchaseId>,
    /// The reason, as text.
    pub note: Option<String>,
    /// The caller's metadata.
    pub metadata: Option<Metadata>,
    /// When it was booked.
    pub at: Instant,
}

impl Entry {
    /// Returns the signed change of the settled balance.
    pub fn amount(&self) -> i64 {
        self.after.settled.get() - self.before.settled.get()
    }

    /// Returns the signed change of the held balance.
    pub fn held_amount(&self) -> i64 {
        self.after.held.get() - self.before.held.get()
    }

    /// Returns the entry's hash, chained to `previous`.
    ///
    /// SHA-256 over the previous hash and every field in order of declaration. Integers are 8 bytes big-endian, texts
    /// and lists are prefixed with their length, a missing value is one zero byte. The purchase is an exception: it
    /// comes last, and is left out if missing, because the first entries were written before purchases existed.
    pub fn hash(&self, previous: EntryHash) -> EntryHash {
        // Exhaustive: a new field cannot stay outside the hash.
        let Self {
            seq,
            transaction,
            kind,
            token_type,
            before,
            after,
            parts,
            source,
            feature,
            caller,
            member,
            hold,
            reverses,
            purchase,
            note,
            metadata,
            at,
        } = self;
        let mut hasher = Encoder(Sha256::new());
        hasher.bytes(&previous.0);
        hasher.number(*seq);
        hasher.bytes(transaction.0.as_bytes());
        hasher.text(kind.as_str());
        hasher.text(token_type.as_str());
        for Balance { settled, held, debt } in [before, after] {
            hasher.number(settled.get());
            hasher.number(held.get());
            hasher.number(debt.get());
        }
        hasher.number(parts.len() as i64);
        for part in parts {
            hasher.bytes(part.grant.0.as_bytes());
            hasher.number(part.amount.get());
        }
        hasher.optional(source.map(Source::as_str).map(str::as_bytes));
        hasher.optional(feature.as_ref().map(|feature| feature.as_str().as_bytes()));
        let (caller_kind, caller_id) = caller.columns();
        hasher.text(caller_kind);
        hasher.optional(caller_id.as_ref().map(Uuid::as_bytes).map(<[u8; 16]>::as_slice));
        hasher.optional(member.as_ref().map(|member| member.0.as_bytes().as_slice()));
        hasher.optional(hold.as_ref().map(|hold| hold.0.as_bytes().as_slice()));
        hasher.optional(reverses.as_ref().map(|id| id.0.as_bytes().as_slice()));
        hasher.optional(note.as_ref().map(String::as_bytes));
        hasher.optional(metadata.as_ref().map(|metadata| metadata.as_str().as_bytes()));
        hasher.number(DateTime::timestamp_micros(at));
        if let Some(purchase) = purchase {
            hasher.bytes(purchase.0.as_bytes());
        }
        EntryHash(hasher.0.finalize().into())
    }
}

struct Encoder(Sha256);

impl Encoder {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn number(&mut self, number: i64) {
        self.0.update(number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as i64);
        self.bytes(text.as_bytes());
    }

    fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            None => self.0.update([0]),
            Some(bytes) => {
                self.0.update([1]);
                self.number(bytes.len() as i64);
                self.bytes(bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_name_and_a_label_of_its_own() {
        for kind in EntryKind::ALL {
            assert_eq!(EntryKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(EntryKind::parse("Spent"), None);
        assert_eq!(
            EntryKind::ALL.map(EntryKind::label).into_iter().collect::<BTreeSet<_>>().len(),
            EntryKind::ALL.len()
        );
    }

    #[test]
    fn spends_captures_and_refunds_are_uses() {
        let uses: Vec<&str> = EntryKind::ALL.into_iter().filter(|kind| kind.is_use()).map(EntryKind::as_str).collect();
        assert_eq!(uses, ["spent", "captured", "refunded"]);
    }

    #[test]
    fn a_hash_is_shown_by_its_first_digits() {
        assert_eq!(format!("{:?}", EntryHash([0x0f; 32])), "0f0f0f0f");
    }
}
