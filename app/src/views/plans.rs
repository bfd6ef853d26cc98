//! View models of `/billing/plan`, which owners and admins see.

use brightmeter::{
    billing::{money::Money, period::Interval, plan_change::PlanChange},
    ledger::tokens::Tokens,
};

use super::LocalTime;

/// `/billing/plan`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanChoiceView {
    /// The plan's name in the catalog.
    pub name: String,
    /// The plan's label.
    pub label: String,
    /// The price per interval.
    pub price: Money,
    /// How often it is paid.
    pub interval: Interval,
    /// The kind of change and its effect on payments.
    pub kind: Choice,
    /// The change of the tokens, by token type.
    pub tokens: Vec<TokenChange>,
    /// Why the plan can't be chosen now, for display. `None` if it can.
    pub refused: Option<String>,
    /// The id that the form submits, so that sending it twice acts once.
    pub new_id: String,
    /// The plan change that the form submits. The server refuses the form if a different change would result.
    pub plan_change: PlanChange,
    /// The start of the proration for an upgrade, in seconds since 1970.
    pub from: i64,
}

/// The kind of a plan change, with its effect on payments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Subscribes through Stripe Checkout.
    Subscribe {
        /// The length of the free trial, in days.
        trial_days: u16,
    },
    /// Changes to a larger plan immediately.
    Upgrade {
        /// The amount due now. `None` if Stripe hasn't quoted it.
        due: Option<Money>,
        /// The time that is paid now.
        covers: UpgradeCovers,
    },
    /// Keeps the current plan, which undoes a scheduled change.
    Keep,
    /// Resumes the paused subscription now.
    Resume,
    /// Changes to a smaller plan at the next reset.
    Downgrade {
        /// The next reset.
        from: LocalTime,
    },
    /// Cancels the subscription at the next reset.
    Cancel {
        /// The next reset.
        from: LocalTime,
    },
}

/// The time that the payment for an upgrade covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpgradeCovers {
    /// The rest of the current billing period.
    Rest {
        /// When the next one is paid.
        next: LocalTime,
    },
    /// A new billing period that starts now, because the plan is paid in another interval.
    NewPeriod,
    /// A new billing period that starts now, because the free trial ends with the upgrade.
    AfterTrial,
}

/// The change of the tokens of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenChange {
    /// The token type's label.
    pub label: String,
    /// The tokens that are kept.
    pub kept: Tokens,
    /// The tokens gained immediately.
    pub gained: Tokens,
    /// The tokens lost immediately.
    pub lost: Tokens,
    /// The monthly allowance before and after the change.
    pub a_month: (Tokens, Tokens),
}
