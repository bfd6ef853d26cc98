//! Refusals: the reasons why a command is not applied, each with its limit, what remains, when it ends and what to do.

use serde::{Deserialize, Serialize};

use crate::{
    billing::license::Restriction,
    ledger::tokens::{Tokens, grouped},
    names::{FeatureName, PlanName, TokenType},
    time::Instant,
};

/// The reason why a command was not applied or a feature cannot be used. Nothing was charged.
///
/// If several apply, the caller gets the first: account closed, blocked, plan, license, rate, interval, balance.
/// The messages are shown to customers and returned as `detail` by the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// The account is closed.
    #[error("This account is closed.")]
    AccountClosed {
        /// When it was closed.
        since: Instant,
    },
    /// The caller is blocked for abuse.
    #[error("You are temporarily blocked after too many failed attempts.")]
    Blocked {
        /// When the block ends.
        until: Instant,
    },
    /// The plan does not include the feature.
    #[error("{feature} requires the {needs} plan or higher; you are on {plan}.")]
    FeatureNotInPlan {
        /// The feature.
        feature: FeatureName,
        /// The organization's plan.
        plan: PlanName,
        /// The smallest plan that includes it.
        needs: PlanName,
    },
    /// The license has stepped down: an invoice is unpaid, or the subscription has ended.
    #[error("AI is limited because an invoice is unpaid.")]
    LicenseSuspended {
        /// The current restriction.
        off: Restriction,
        /// When the license stopped being active.
        since: Option<Instant>,
    },
    /// Staff suspended the license.
    #[error("AI is suspended for this organization. Contact support.")]
    LicenseSuspendedByStaff {
        /// When the suspension began.
        since: Instant,
    },
    /// The rate limit is reached.
    #[error("Too many requests: at most {requests} in {window_seconds} seconds.")]
    RateLimited {
        /// The requests allowed per window.
        requests: u16,
        /// The length of the window, in seconds.
        window_seconds: u32,
        /// When the next request is allowed.
        until: Instant,
    },
    /// The request came too soon after the last one.
    #[error("Too many requests: wait {interval_seconds} seconds between requests.")]
    TooFrequent {
        /// The minimum time between two requests, in seconds.
        interval_seconds: u32,
        /// When the next request is allowed.
        until: Instant,
    },
    /// A monthly quota of the member or team is reached.
    #[error("The monthly limit has been reached.")]
    QuotaReached {
        /// The tokens left under the quota.
        remaining: Tokens,
        /// When the quota resets.
        resets_at: Instant,
    },
    /// The available tokens do not cover the cost.
    #[error("Not enough tokens: {needed} needed, {available} available.")]
    InsufficientTokens {
        /// The token type.
        token_type: TokenType,
        /// The tokens needed.
        needed: Tokens,
        /// The tokens available under the current license.
        available: Tokens,
        /// The further tokens that would be available if the license were active.
        withheld: Tokens,
        /// When the next allowance of this type is granted; `None` if the plan has none.
        resets_at: Option<Instant>,
    },
    /// The catalog has no such feature.
    #[error("Unknown feature `{feature}`.")]
    UnknownFeature {
        /// The requested name.
        feature: FeatureName,
    },
    /// The catalog has no such plan.
    #[error("Unknown plan `{plan}`.")]
    UnknownPlan {
        /// The requested name.
        plan: PlanName,
    },
    /// The catalog has no such token type.
    #[error("Unknown token type `{token_type}`.")]
    UnknownTokenType {
        /// The requested name.
        token_type: TokenType,
    },
    /// The organization is already on the plan.
    #[error("You are already on the {plan} plan.")]
    PlanUnchanged {
        /// The plan.
        plan: PlanName,
    },
    /// Staff have already suspended the license.
    #[error("The license is already suspended by staff.")]
    AlreadySuspended,
    /// The license is not suspended by staff.
    #[error("The license is not suspended by staff.")]
    NotSuspended,
    /// The organization has no such hold.
    #[error("Hold not found.")]
    HoldNotFound,
    /// The hold has ended.
    #[error("This hold has already been {state}.")]
    HoldClosed {
        /// The final state: `captured`, `released` or `expired`.
        state: String,
    },
    /// The capture is larger than the hold.
    #[error("A capture can't exceed the amount held: {held}.")]
    CaptureExceedsHold {
        /// The tokens held.
        held: Tokens,
    },
    /// The organization has no such spend.
    #[error("Spend not found.")]
    SpendNotFound,
    /// The organization has no such purchase.
    #[error("Purchase not found.")]
    PurchaseNotFound,
    /// The spend was refunded before.
    #[error("This spend has already been refunded.")]
    AlreadyRefunded,
    /// An amount or expiry is out of range.
    #[error("The amount is out of range: {reason}.")]
    AmountOutOfRange {
        /// The rule that was broken.
        reason: String,
    },
    /// The TTL of a hold is out of range.
    #[error("The TTL of a hold must be 1 to {max_seconds} seconds.")]
    TtlOutOfRange {
        /// The largest TTL, in seconds.
        max_seconds: u32,
    },
}

/// The limit behind a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitSource {
    /// The account is closed.
    Account,
    /// The block for abuse.
    Guard,
    /// The features of the plan.
    Plan,
    /// The license.
    License,
    /// The requests per window.
    Rate,
    /// The time between requests.
    Interval,
    /// A monthly quota of a member or team.
    Quota,
    /// The available tokens.
    Balance,
    /// The request itself is invalid.
    Request,
}

/// The action that resolves a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Choose a larger plan.
    Upgrade,
    /// Buy a pack or choose a larger plan.
    BuyTokens,
    /// Pay the open invoice.
    PayInvoice,
    /// Try again later.
    Wait,
    /// Contact support.
    AskSupport,
    /// Fix the request.
    FixRequest,
}

impl Refusal {
    /// The code in the API. A code never changes its meaning.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AccountClosed { .. } => "account_closed",
            Self::Blocked { .. } => "blocked",
            Self::FeatureNotInPlan { .. } => "feature_not_in_plan",
            Self::LicenseSuspended { .. } | Self::LicenseSuspendedByStaff { .. } => "license_suspended",
            Self::RateLimited { .. } => "rate_limited",
            Self::TooFrequent { .. } => "too_frequent",
            Self::QuotaReached { .. } => "quota_reached",
            Self::InsufficientTokens { .. } => "insufficient_tokens",
            Self::UnknownFeature { .. } => "unknown_feature",
            Self::UnknownPlan { .. } => "unknown_plan",
            Self::UnknownTokenType { .. } => "unknown_token_type",
            Self::PlanUnchanged { .. } => "plan_unchanged",
            Self::AlreadySuspended => "already_suspended",
            Self::NotSuspended => "not_suspended",
            Self::HoldNotFound => "hold_not_found",
            Self::HoldClosed { .. } => "hold_closed",
            Self::CaptureExceedsHold { .. } => "capture_exceeds_hold",
            Self::SpendNotFound => "spend_not_found",
            Self::PurchaseNotFound => "purchase_not_found",
            Self::AlreadyRefunded => "already_refunded",
            Self::AmountOutOfRange { .. } => "amount_out_of_range",
            Self::TtlOutOfRange { .. } => "ttl_out_of_range",
        }
    }

    /// Returns the limit behind the refusal.
    pub const fn limit_source(&self) -> LimitSource {
        match self {
            Self::AccountClosed { .. } => LimitSource::Account,
            Self::Blocked { .. } => LimitSource::Guard,
            Self::FeatureNotInPlan { .. } => LimitSource::Plan,
            Self::LicenseSuspended { .. } | Self::LicenseSuspendedByStaff { .. } => LimitSource::License,
            Self::RateLimited { .. } => LimitSource::Rate,
            Self::TooFrequent { .. } => LimitSource::Interval,
            Self::QuotaReached { .. } => LimitSource::Quota,
            Self::InsufficientTokens { .. } => LimitSource::Balance,
            _ => LimitSource::Request,
        }
    }

    /// Returns what remains under the limit; `None` if the limit is not countable.
    pub const fn remaining(&self) -> Option<Tokens> {
        match self {
            Self::InsufficientTokens { available, .. } => Some(*available),
            Self::QuotaReached { remaining, .. } => Some(*remaining),
            Self::RateLimited { .. } | Self::TooFrequent { .. } => Some(Tokens::ZERO),
            _ => None,
        }
    }

    /// Returns when the limit ends or resets without action; `None` if it does not.
    pub const fn resets_at(&self) -> Option<Instant> {
        match self {
            Self::Blocked { until } | Self::RateLimited { until, .. } | Self::TooFrequent { until, .. } => Some(*until),
            Self::QuotaReached { resets_at, .. } => Some(*resets_at),
            Self::InsufficientTokens { resets_at, .. } => *resets_at,
            _ => None,
        }
    }

    /// Returns the action that resolves the refusal.
    pub const fn action(&self) -> Action {
        match self {
            Self::AccountClosed { .. } | Self::LicenseSuspendedByStaff { .. } => Action::AskSupport,
            Self::Blocked { .. } | Self::RateLimited { .. } | Self::TooFrequent { .. } | Self::QuotaReached { .. } => {
                Action::Wait
            }
            Self::FeatureNotInPlan { .. } => Action::Upgrade,
            Self::LicenseSuspended { .. } => Action::PayInvoice,
            Self::InsufficientTokens { withheld, .. } if !withheld.is_zero() => Action::PayInvoice,
            Self::InsufficientTokens { .. } => Action::BuyTokens,
            _ => Action::FixRequest,
        }
    }

    /// Whether the request counts towards the caller's rate: it passed the rate check and a later check refused it.
    pub const fn counts_towards_rate(&self) -> bool {
        matches!(self, Self::TooFrequent { .. } | Self::QuotaReached { .. } | Self::InsufficientTokens { .. })
    }

    /// Returns [`AmountOutOfRange`](Self::AmountOutOfRange) with the broken rule.
    pub(crate) fn amount(reason: impl Into<String>) -> Self {
        Self::AmountOutOfRange { reason: reason.into() }
    }

    /// Returns the refusal of an amount that would raise a balance above [`Tokens::MAX`].
    pub(crate) fn over_limit() -> Self {
        Self::amount(format!("a balance can't exceed {}", grouped(Tokens::MAX.get())))
    }
}
