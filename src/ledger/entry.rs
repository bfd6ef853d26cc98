//! Entries: the append-only, hash-chained log of every token that moved.

use std::fmt;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    command::{Caller, Metadata},
    ids::{HoldId, MemberId, OrgId, PurchaseId, TransactionId},
    ledger::{
        account::Balance,
        grant::{Part, Source},
    },
    names::{FeatureName, TokenType},
    time::Instant,
};

/// What happened to the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A grant was made.
    Granted,
    /// A grant's rest lapsed.
    Expired,
    /// A feature was used and charged at once.
    Spent,
    /// A hold reserved tokens.
    Held,
    /// A hold was charged; what it held above that is free again.
    Captured,
    /// A hold was given up; nothing was charged.
    Released,
    /// A hold ran out; nothing was charged.
    HoldExpired,
    /// A spend was returned.
    Refunded,
    /// Staff corrected the balance.
    Adjusted,
    /// An upgrade raised the allowance of the running period.
    PlanChanged,
    /// Tokens of a purchase were taken back with its money; what was gone became debt.
    ClawedBack,
    /// Tokens that were taken back are there again: the refund failed, or a dispute was decided otherwise.
    Reinstated,
    /// Tokens of a purchase were put aside while its payment is disputed.
    Frozen,
    /// Tokens that were put aside are there again.
    Thawed,
    /// Tokens that came back paid what was owed for them.
    DebtPaid,
}

impl EntryKind {
    /// All kinds.
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

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Granted => "Added",
            Self::Expired => "Lapsed",
            Self::Spent => "Spent",
            Self::Held => "Reserved",
            Self::Captured => "Charged",
            Self::Released => "Not charged",
            Self::HoldExpired => "Not charged, ran out",
            Self::Refunded => "Refunded",
            Self::Adjusted => "Corrected",
            Self::PlanChanged => "Plan changed",
            Self::ClawedBack => "Taken back, payment returned",
            Self::Reinstated => "Given back, payment stays",
            Self::Frozen => "Put aside, payment disputed",
            Self::Thawed => "Back, dispute decided",
            Self::DebtPaid => "Paid what was owed",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether it counts as use: spends and captures, less refunds of spends.
    pub const fn is_use(self) -> bool {
        matches!(self, Self::Spent | Self::Captured | Self::Refunded)
    }
}

/// The SHA-256 hash of an entry, which covers the hash of the one before.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntryHash(pub [u8; 32]);

impl EntryHash {
    /// What the first entry of an organization is chained to.
    pub fn genesis(org: OrgId) -> Self {
        Self(Sha256::new().chain_update(b"brightmeter entry 1").chain_update(org.0.as_bytes()).finalize().into())
    }
}

impl fmt::Debug for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number within the organization: 1, 2, 3, … without gaps.
    pub seq: i64,
    /// The command that made it.
    pub transaction: TransactionId,
    /// What happened.
    pub kind: EntryKind,
    /// The kind of tokens.
    pub token_type: TokenType,
    /// The balance before.
    pub before: Balance,
    /// The balance after.
    pub after: Balance,
    /// The grants that were touched, each with how many tokens.
    pub parts: Vec<Part>,
    /// For a new grant, where it came from.
    pub source: Option<Source>,
    /// The feature that was used.
    pub feature: Option<FeatureName>,
    /// Who caused it.
    pub caller: Caller,
    /// Whose use it counts as: the caller's member, and of a refund the one who had spent.
    pub member: Option<MemberId>,
    /// The hold that it opened or ended.
    pub hold: Option<HoldId>,
    /// The transaction that it takes back.
    pub reverses: Option<TransactionId>,
    /// The purchase whose tokens they are.
    pub purchase: Option<PurchaseId>,
    /// Why, in words.
    pub note: Option<String>,
    /// What the caller attached.
    pub metadata: Option<Metadata>,
    /// When it was booked.
    pub at: Instant,
}

impl Entry {
    /// The signed change of what is booked.
    pub fn amount(&self) -> i64 {
        self.after.settled.get() - self.before.settled.get()
    }

    /// The signed change of what is reserved.
    pub fn held_amount(&self) -> i64 {
        self.after.held.get() - self.before.held.get()
    }

    /// The entry's hash, chained to the one before: SHA-256 over the previous hash and every field in order of
    /// declaration, integers as 8 bytes big-endian, texts and lists led by their length, what is missing as one zero byte.
    /// Only the purchase comes last, and not at all where there is none: entries were written before there were purchases.
    pub fn hash(&self, previous: EntryHash) -> EntryHash {
        let mut hasher = Encoder(Sha256::new());
        hasher.bytes(&previous.0);
        hasher.number(self.seq);
        hasher.bytes(self.transaction.0.as_bytes());
        hasher.text(self.kind.as_str());
        hasher.text(self.token_type.as_str());
        for balance in [self.before, self.after] {
            hasher.number(balance.settled.get());
            hasher.number(balance.held.get());
            hasher.number(balance.debt.get());
        }
        hasher.number(self.parts.len() as i64);
        for part in &self.parts {
            hasher.bytes(part.grant.0.as_bytes());
            hasher.number(part.amount.get());
        }
        hasher.optional(self.source.map(Source::as_str).map(str::as_bytes));
        hasher.optional(self.feature.as_ref().map(|feature| feature.as_str().as_bytes()));
        let (kind, id) = self.caller.columns();
        hasher.text(kind);
        hasher.optional(id.as_ref().map(Uuid::as_bytes).map(<[u8; 16]>::as_slice));
        hasher.optional(self.member.as_ref().map(|member| member.0.as_bytes().as_slice()));
        hasher.optional(self.hold.as_ref().map(|hold| hold.0.as_bytes().as_slice()));
        hasher.optional(self.reverses.as_ref().map(|id| id.0.as_bytes().as_slice()));
        hasher.optional(self.note.as_ref().map(String::as_bytes));
        hasher.optional(self.metadata.as_ref().map(|metadata| metadata.as_str().as_bytes()));
        hasher.number(DateTime::timestamp_micros(&self.at));
        if let Some(purchase) = self.purchase {
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
