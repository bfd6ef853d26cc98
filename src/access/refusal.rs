//! Refusals: every reason why not, with what remains, until when, and what to do.

use serde::{Deserialize, Serialize};

use crate::{
    billing::license::Restriction,
    ledger::tokens::{Tokens, grouped},
    names::{FeatureName, PlanName, TokenType},
    time::Instant,
};

/// Why a command was not applied, or a feature may not be used. Nothing was charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// The account is closed.
    #[error("This account is closed.")]
    AccountClosed {
        /// Since when.
        since: Instant,
    },
    /// The caller is blocked for abuse.
    #[error("Too many failed attempts: blocked for a while.")]
    Blocked {
        /// Until when.
        until: Instant,
    },
    /// The plan does not include the feature.
    #[error("{feature} is part of the {needs} plan and up; you are on {plan}.")]
    FeatureNotInPlan {
        /// The feature.
        feature: FeatureName,
        /// The plan that the organization is on.
        plan: PlanName,
        /// The smallest plan that includes it.
        needs: PlanName,
    },
    /// The license has stepped down.
    #[error("AI is limited because an invoice is unpaid.")]
    LicenseSuspended {
        /// What is off.
        off: Restriction,
        /// Since when the license is not active.
        since: Option<Instant>,
    },
    /// Staff have suspended the license.
    #[error("AI is suspended for this organization: ask support.")]
    LicenseStopped {
        /// Since when.
        since: Instant,
    },
    /// Too many requests in a window.
    #[error("At most {requests} requests in {window_seconds} seconds.")]
    RateLimited {
        /// How many are admitted.
        requests: u16,
        /// In which time.
        window_seconds: u32,
        /// When the next one is.
        until: Instant,
    },
    /// Too soon after the last request.
    #[error("At least {interval_seconds} seconds between two requests.")]
    TooFrequent {
        /// The least time between two.
        interval_seconds: u32,
        /// When the next one is admitted.
        until: Instant,
    },
    /// A monthly cap of the member or team is reached.
    #[error("The monthly limit is reached.")]
    QuotaReached {
        /// What is left under the cap.
        remaining: Tokens,
        /// When it starts anew.
        resets_at: Instant,
    },
    /// There are too few tokens.
    #[error("Not enough tokens: {needed} needed, {available} available.")]
    InsufficientTokens {
        /// The kind.
        token_type: TokenType,
        /// How many it takes.
        needed: Tokens,
        /// How many there are.
        available: Tokens,
        /// How many more there would be if the license were active.
        withheld: Tokens,
        /// When the next allowance comes, if the plan has one.
        resets_at: Option<Instant>,
    },
    /// The catalog has no such feature.
    #[error("There is no feature `{feature}`.")]
    UnknownFeature {
        /// The name that was asked for.
        feature: FeatureName,
    },
    /// The catalog has no such plan.
    #[error("There is no plan `{plan}`.")]
    UnknownPlan {
        /// The name that was asked for.
        plan: PlanName,
    },
    /// The catalog has no such token type.
    #[error("There is no token type `{token_type}`.")]
    UnknownTokenType {
        /// The name that was asked for.
        token_type: TokenType,
    },
    /// The organization is on that plan already.
    #[error("You are on the {plan} plan already.")]
    PlanUnchanged {
        /// The plan.
        plan: PlanName,
    },
    /// Staff have suspended the license before.
    #[error("The license is suspended by staff already.")]
    AlreadySuspended,
    /// Nothing of the license is suspended by staff.
    #[error("The license is not suspended by staff.")]
    NotSuspended,
    /// The organization has no such hold.
    #[error("There is no such hold.")]
    HoldNotFound,
    /// The hold has ended.
    #[error("This hold is {state} already.")]
    HoldClosed {
        /// How it ended.
        state: String,
    },
    /// A capture of more than is held.
    #[error("A capture takes at most what is held: {held}.")]
    CaptureExceedsHold {
        /// What is held.
        held: Tokens,
    },
    /// The organization has no such spend.
    #[error("There is no such spend.")]
    SpendNotFound,
    /// The organization has no such purchase.
    #[error("There is no such purchase.")]
    PurchaseNotFound,
    /// The spend was refunded before.
    #[error("This spend was refunded already.")]
    AlreadyRefunded,
    /// An amount that makes no sense here.
    #[error("The amount is out of range: {reason}.")]
    AmountOutOfRange {
        /// Why.
        reason: String,
    },
    /// A hold that would last too long or no time at all.
    #[error("A hold lasts between 1 and {max_seconds} seconds.")]
    TtlOutOfRange {
        /// The longest.
        max_seconds: u32,
    },
}

/// Which limit said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitSource {
    /// The account itself.
    Account,
    /// The abuse guard.
    Guard,
    /// What the plan includes.
    Plan,
    /// Whether the plan is paid.
    License,
    /// Requests in a window.
    Rate,
    /// Time between requests.
    Interval,
    /// A monthly cap.
    Quota,
    /// The tokens there are.
    Balance,
    /// What was asked makes no sense.
    Request,
}

/// What the person in front of it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Take a larger plan.
    Upgrade,
    /// Buy a pack, or take a larger plan.
    BuyTokens,
    /// Pay the open invoice.
    PayInvoice,
    /// Try again later.
    Wait,
    /// Ask the people who run Brightmeter.
    AskSupport,
    /// Mend the request.
    MendRequest,
}

impl Refusal {
    /// The code in the API; never changes its meaning.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AccountClosed { .. } => "account_closed",
            Self::Blocked { .. } => "blocked",
            Self::FeatureNotInPlan { .. } => "feature_not_in_plan",
            Self::LicenseSuspended { .. } | Self::LicenseStopped { .. } => "license_suspended",
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

    /// Which limit said no.
    pub const fn limit_source(&self) -> LimitSource {
        match self {
            Self::AccountClosed { .. } => LimitSource::Account,
            Self::Blocked { .. } => LimitSource::Guard,
            Self::FeatureNotInPlan { .. } => LimitSource::Plan,
            Self::LicenseSuspended { .. } | Self::LicenseStopped { .. } => LimitSource::License,
            Self::RateLimited { .. } => LimitSource::Rate,
            Self::TooFrequent { .. } => LimitSource::Interval,
            Self::QuotaReached { .. } => LimitSource::Quota,
            Self::InsufficientTokens { .. } => LimitSource::Balance,
            _ => LimitSource::Request,
        }
    }

    /// What is left under the limit, where it counts something.
    pub const fn remaining(&self) -> Option<Tokens> {
        match self {
            Self::InsufficientTokens { available, .. } => Some(*available),
            Self::QuotaReached { remaining, .. } => Some(*remaining),
            Self::RateLimited { .. } | Self::TooFrequent { .. } => Some(Tokens::ZERO),
            _ => None,
        }
    }

    /// When the limit ends or starts anew by itself, if it does.
    pub const fn resets_at(&self) -> Option<Instant> {
        match self {
            Self::Blocked { until } | Self::RateLimited { until, .. } | Self::TooFrequent { until, .. } => Some(*until),
            Self::QuotaReached { resets_at, .. } => Some(*resets_at),
            Self::InsufficientTokens { resets_at, .. } => *resets_at,
            _ => None,
        }
    }

    /// What to do about it.
    pub const fn action(&self) -> Action {
        match self {
            Self::AccountClosed { .. } | Self::LicenseStopped { .. } => Action::AskSupport,
            Self::Blocked { .. } | Self::RateLimited { .. } | Self::TooFrequent { .. } | Self::QuotaReached { .. } => {
                Action::Wait
            }
            Self::FeatureNotInPlan { .. } => Action::Upgrade,
            Self::LicenseSuspended { .. } => Action::PayInvoice,
            Self::InsufficientTokens { withheld, .. } if !withheld.is_zero() => Action::PayInvoice,
            Self::InsufficientTokens { .. } => Action::BuyTokens,
            _ => Action::MendRequest,
        }
    }

    /// Whether the request counts towards the caller's rate: it passed the rate and was refused by something after it.
    pub const fn counts_towards_rate(&self) -> bool {
        matches!(self, Self::TooFrequent { .. } | Self::QuotaReached { .. } | Self::InsufficientTokens { .. })
    }

    /// An adjustment that is zero or does not fit.
    pub(crate) fn amount(reason: impl Into<String>) -> Self {
        Self::AmountOutOfRange { reason: reason.into() }
    }

    /// An amount that would lift a balance over the most there can be.
    pub(crate) fn over_limit() -> Self {
        Self::amount(format!("a balance is at most {}", grouped(Tokens::MAX.get())))
    }
}
