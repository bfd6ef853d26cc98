//! Commands: everything that can be asked of an account.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    access::guard::GuardId,
    billing::{invoices::Invoices, license::StaffAction, payment::Payment, subscription::SubscriptionSnapshot},
    features::quest::{Goal, QuestDraft},
    ids::{ApiKeyId, HoldId, MemberId, PurchaseId, TransactionId, UserId},
    ledger::{grant::Source, tokens::Tokens},
    names::{FeatureName, PlanName, TokenType},
    time::Instant,
};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Caller {
    /// A member in the browser.
    Member {
        /// The member.
        member: MemberId,
    },
    /// A service, for itself or for a member whose limits then apply.
    ApiKey {
        /// The API key.
        api_key: ApiKeyId,
        /// The member that it acts for.
        member: Option<MemberId>,
    },
    /// A person who runs Brightmeter.
    Staff {
        /// The person.
        user: UserId,
    },
    /// Time itself: resets, expiries, sweeps.
    System,
}

impl Caller {
    /// Kind and id, as the database and the hash have them.
    pub fn columns(&self) -> (&'static str, Option<Uuid>) {
        match self {
            Self::Member { member } => ("member", Some(member.0)),
            Self::ApiKey { api_key, .. } => ("key", Some(api_key.0)),
            Self::Staff { user } => ("staff", Some(user.0)),
            Self::System => ("system", None),
        }
    }

    /// The member that it is, or acts for.
    pub fn member(&self) -> Option<MemberId> {
        match self {
            Self::Member { member } => Some(*member),
            Self::ApiKey { member, .. } => *member,
            Self::Staff { .. } | Self::System => None,
        }
    }

    /// The caller that [`columns`](Self::columns) and [`member`](Self::member) came from.
    pub fn from_columns(kind: &str, id: Option<Uuid>, member: Option<Uuid>) -> Option<Self> {
        match (kind, id) {
            ("member", Some(id)) => Some(Self::Member { member: MemberId(id) }),
            ("key", Some(id)) => Some(Self::ApiKey { api_key: ApiKeyId(id), member: member.map(MemberId) }),
            ("staff", Some(id)) => Some(Self::Staff { user: UserId(id) }),
            ("system", None) => Some(Self::System),
            _ => None,
        }
    }

    /// Whose guard counts the requests; nobody's for staff and the system.
    pub fn guard(&self) -> Option<GuardId> {
        match self {
            Self::Member { member } | Self::ApiKey { member: Some(member), .. } => Some(GuardId(member.0)),
            Self::ApiKey { api_key, member: None } => Some(GuardId(api_key.0)),
            Self::Staff { .. } | Self::System => None,
        }
    }
}

/// Data that a caller attaches to a spend: a JSON object of at most 2,048 bytes, kept as sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Metadata(Arc<str>);

/// Metadata that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metadata is a JSON object of at most 2,048 bytes")]
pub struct MetadataError;

impl Metadata {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Metadata {
    type Error = MetadataError;

    fn try_from(text: String) -> Result<Self, MetadataError> {
        if text.len() <= 2_048 && text.starts_with('{') { Ok(Self(text.into())) } else { Err(MetadataError) }
    }
}

impl From<Metadata> for String {
    fn from(metadata: Metadata) -> String {
        metadata.0.as_ref().into()
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({} bytes)", self.0.len())
    }
}

/// The use of a feature: who, what, how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Who asks.
    pub caller: Caller,
    /// What for.
    pub feature: FeatureName,
    /// How many times its cost.
    pub quantity: Quantity,
    /// What the caller attached.
    pub metadata: Option<Metadata>,
}

/// How many times a feature is used at once: 1 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Quantity(u32);

/// A quantity out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a quantity is a whole number from 1 to 10,000")]
pub struct QuantityError;

impl Quantity {
    /// Once.
    pub const ONE: Self = Self(1);

    /// As a number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Quantity {
    type Error = QuantityError;

    fn try_from(quantity: u32) -> Result<Self, QuantityError> {
        if (1..=10_000).contains(&quantity) { Ok(Self(quantity)) } else { Err(QuantityError) }
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> u32 {
        quantity.0
    }
}

/// What is asked of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Use a feature and pay at once.
    Spend(Usage),
    /// Reserve the cost of a feature for one job.
    OpenHold {
        /// The use to reserve for.
        usage: Usage,
        /// How long it may last; the catalog's default if not said.
        ttl_seconds: Option<u32>,
        /// What a quest job is to work on; the job is stored in the same transaction and bears the hold's id.
        job: Option<Goal>,
    },
    /// Charge a hold, whole or less; the rest returns.
    Capture {
        /// The hold.
        hold: HoldId,
        /// What to charge; all that is held if not said.
        amount: Option<Tokens>,
        /// What the job made, stored in the same transaction.
        quests: Vec<QuestDraft>,
    },
    /// Give a hold up; nothing is charged.
    Release {
        /// The hold.
        hold: HoldId,
        /// Why, in words for the customer.
        reason: String,
    },
    /// Return a spend, once and whole.
    Refund {
        /// Who asks.
        caller: Caller,
        /// The spend.
        transaction: TransactionId,
        /// Why.
        reason: String,
    },
    /// Make a grant.
    Grant {
        /// Who gives it.
        caller: Caller,
        /// The kind of tokens.
        token_type: TokenType,
        /// How many.
        amount: Tokens,
        /// Where they come from; an allowance only comes from a reset.
        source: Source,
        /// When the rest lapses; never, if nothing.
        expires_at: Option<Instant>,
        /// Why.
        note: Option<String>,
    },
    /// Correct a balance by staff; a positive correction is a grant without expiry.
    Adjust {
        /// Who corrects it.
        caller: Caller,
        /// The kind of tokens.
        token_type: TokenType,
        /// By how much, signed.
        amount: i64,
        /// Why.
        reason: String,
    },
    /// Go to another plan: up at once, down at the next reset.
    ChangePlan {
        /// Who changes it.
        caller: Caller,
        /// The plan to go to.
        plan: PlanName,
    },
    /// Take in what Stripe has told of a payment: credit it once it is paid, take back what goes with the money.
    RecordPayment {
        /// The purchase.
        purchase: PurchaseId,
        /// What was told; joined to what is known.
        facts: Payment,
    },
    /// Take in what Stripe has told of invoices: the license follows them, and what was paid has a receipt.
    RecordInvoices {
        /// What was told; joined to what is known.
        facts: Invoices,
    },
    /// Take in how Stripe says the subscription stands: plan, months and license follow it.
    SyncSubscription {
        /// What Stripe said.
        snapshot: SubscriptionSnapshot,
    },
    /// Suspend the license by staff, whatever is paid.
    Suspend(StaffAction),
    /// Lift what staff have suspended: the license goes to where the subscription and its invoices say it stands.
    Lift(StaffAction),
    /// Book what time has brought: expired holds and grants, a new period, a step down the ladder.
    Advance,
}

impl Command {
    /// Whose rate it counts towards: whoever uses a feature.
    pub const fn user(&self) -> Option<&Caller> {
        match self {
            Self::Spend(usage) | Self::OpenHold { usage, .. } => Some(&usage.caller),
            _ => None,
        }
    }

    /// The name in metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Spend(_) => "spend",
            Self::OpenHold { .. } => "open_hold",
            Self::Capture { .. } => "capture",
            Self::Release { .. } => "release",
            Self::Refund { .. } => "refund",
            Self::Grant { .. } => "grant",
            Self::Adjust { .. } => "adjust",
            Self::ChangePlan { .. } => "change_plan",
            Self::RecordPayment { .. } => "settle",
            Self::RecordInvoices { .. } => "bill",
            Self::SyncSubscription { .. } => "follow",
            Self::Suspend(_) => "suspend",
            Self::Lift(_) => "lift",
            Self::Advance => "advance",
        }
    }
}
