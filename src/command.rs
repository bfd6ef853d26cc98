//! Commands: the requests that change an account, and their callers.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    billing::{
        invoices::Invoices,
        license::StaffAction,
        payment::Payment,
        subscription::{Subscription, SubscriptionSnapshot},
    },
    ids::{ApiKeyId, GuardId, HoldId, MemberId, PurchaseId, TransactionId, UserId},
    ledger::{attachment::Attachment, grant::Source, tokens::Tokens},
    names::{FeatureName, PlanName, TokenType},
    quantity::Quantity,
    time::Instant,
};

/// The caller of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Caller {
    /// A member in the browser.
    Member {
        /// The member.
        member: MemberId,
    },
    /// A service with an API key, acting for itself or for a member.
    ApiKey {
        /// The API key.
        api_key: ApiKeyId,
        /// The member it acts for, whose limits then apply; `None` if it acts for itself.
        member: Option<MemberId>,
    },
    /// A staff user.
    Staff {
        /// The user.
        user: UserId,
    },
    /// Brightmeter itself: resets, expiries, payments.
    System,
}

impl Caller {
    /// Returns the kind and id, as stored in the database and hashed in entries.
    pub fn columns(&self) -> (&'static str, Option<Uuid>) {
        match self {
            Self::Member { member } => ("member", Some(member.0)),
            Self::ApiKey { api_key, .. } => ("key", Some(api_key.0)),
            Self::Staff { user } => ("staff", Some(user.0)),
            Self::System => ("system", None),
        }
    }

    /// Returns the member that the caller is or acts for.
    pub fn member(&self) -> Option<MemberId> {
        match self {
            Self::Member { member } => Some(*member),
            Self::ApiKey { member, .. } => *member,
            Self::Staff { .. } | Self::System => None,
        }
    }

    /// Restores a caller from its [`columns`](Self::columns) and [`member`](Self::member); `None` if they do not match.
    pub fn from_columns(kind: &str, id: Option<Uuid>, member: Option<Uuid>) -> Option<Self> {
        match (kind, id) {
            ("member", Some(id)) => Some(Self::Member { member: MemberId(id) }),
            ("key", Some(id)) => Some(Self::ApiKey { api_key: ApiKeyId(id), member: member.map(MemberId) }),
            ("staff", Some(id)) => Some(Self::Staff { user: UserId(id) }),
            ("system", None) => Some(Self::System),
            _ => None,
        }
    }

    /// Returns the guard that counts the caller's requests; `None` for staff and the system.
    pub fn guard(&self) -> Option<GuardId> {
        match self {
            Self::Member { member } | Self::ApiKey { member: Some(member), .. } => Some(GuardId(member.0)),
            Self::ApiKey { api_key, member: None } => Some(GuardId(api_key.0)),
            Self::Staff { .. } | Self::System => None,
        }
    }
}

/// A caller's metadata for a spend or a hold: a JSON object of at most 2,048 bytes, stored unchanged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Metadata(Arc<str>);

/// The error for metadata that is too large or not a JSON object.
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

/// The use of a feature, to be charged or reserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The caller.
    pub caller: Caller,
    /// The feature.
    pub feature: FeatureName,
    /// The number of uses; the cost is multiplied by it.
    pub quantity: Quantity,
    /// The caller's metadata.
    pub metadata: Option<Metadata>,
}

/// A command: one request to change an account.
///
/// [`decide`](crate::decide::decide) turns it into changes and entries, or refuses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Uses a feature and charges it immediately.
    Spend(Usage),
    /// Reserves the cost of a feature for one job.
    OpenHold {
        /// The use to reserve tokens for.
        usage: Usage,
        /// The hold's TTL, in seconds. `None`: the catalog's default.
        ttl_seconds: Option<u32>,
        /// The feature's data to store with the hold, in the same transaction.
        attachment: Option<Attachment>,
    },
    /// Charges a hold, in whole or in part. The rest becomes available again.
    Capture {
        /// The hold.
        hold: HoldId,
        /// The tokens to charge: at least 1, at most the amount held. `None`: all of them.
        amount: Option<Tokens>,
        /// The job's result to store with the capture, in the same transaction.
        attachment: Option<Attachment>,
    },
    /// Releases a hold. Nothing is charged.
    Release {
        /// The hold.
        hold: HoldId,
        /// The reason, worded for the customer.
        reason: String,
    },
    /// Refunds a spend in whole. A spend can be refunded once.
    Refund {
        /// The caller.
        caller: Caller,
        /// The transaction of the spend.
        transaction: TransactionId,
        /// The reason.
        reason: String,
    },
    /// Creates a grant.
    Grant {
        /// The caller.
        caller: Caller,
        /// The token type.
        token_type: TokenType,
        /// The number of tokens; at least 1.
        amount: Tokens,
        /// The source. [`Source::Plan`] is refused: only a reset or an upgrade creates an allowance.
        source: Source,
        /// When the unused remainder expires; must be in the future. `None`: never.
        expires_at: Option<Instant>,
        /// The reason, if any.
        note: Option<String>,
    },
    /// Corrects a balance. A positive adjustment is a grant without expiry; a negative one burns grants.
    Adjust {
        /// The caller.
        caller: Caller,
        /// The token type.
        token_type: TokenType,
        /// The signed number of tokens; not 0.
        amount: i64,
        /// The reason.
        reason: String,
    },
    /// Changes the plan: an upgrade immediately, a downgrade at the next reset. The current plan withdraws a downgrade.
    ChangePlan {
        /// The caller.
        caller: Caller,
        /// The chosen plan.
        plan: PlanName,
    },
    /// Records payment facts: credits the purchase once it is paid, and claws tokens back for refunds and disputes.
    RecordPayment {
        /// The purchase.
        purchase: PurchaseId,
        /// The facts, to be joined to the stored ones.
        facts: Payment,
    },
    /// Records invoice facts: numbers the receipts of paid invoices and updates the license.
    RecordInvoices {
        /// The facts, to be joined to the stored ones.
        facts: Invoices,
    },
    /// Records Stripe's state of the subscriptions and invoices, and updates the plan, the billing period, the allowance
    /// and the license.
    SyncSubscriptions {
        /// The snapshot. A stale one is ignored.
        snapshot: SubscriptionSnapshot,
        /// Earlier states of subscriptions, as events report them. They show what was paid in the meantime.
        reported: Vec<Subscription>,
        /// Invoice facts, to be joined to the stored ones.
        invoices: Invoices,
    },
    /// Suspends the license by staff, regardless of payments.
    Suspend(StaffAction),
    /// Lifts a suspension by staff. The license returns to the state that the subscription and its invoices imply.
    Lift(StaffAction),
    /// Books everything due: expired holds and grants, the reset, steps down the ladder.
    Advance,
}

impl Command {
    /// Returns the caller whose rate limit applies; `None` if the command does not use a feature.
    pub const fn rate_limited_caller(&self) -> Option<&Caller> {
        match self {
            Self::Spend(usage) | Self::OpenHold { usage, .. } => Some(&usage.caller),
            _ => None,
        }
    }

    /// The command's name in metrics.
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
            Self::RecordPayment { .. } => "record_payment",
            Self::RecordInvoices { .. } => "record_invoices",
            Self::SyncSubscriptions { .. } => "sync_subscriptions",
            Self::Suspend(_) => "suspend",
            Self::Lift(_) => "lift",
            Self::Advance => "advance",
        }
    }
}
