//! What the page of a plan shows to whoever may choose it.

use brightmeter::{billing::plan_change::PlanChange, ledger::tokens::Tokens};

use super::LocalTime;

/// `/billing/plan`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanChoiceView {
    /// The plan's name.
    pub name: String,
    /// What people read.
    pub label: String,
    /// A month of it, in cents.
    pub price_cents: u32,
    /// What choosing it means.
    pub kind: Choice,
    /// What becomes of the tokens, by token type.
    pub tokens: Vec<TokenChange>,
    /// Why it cannot be chosen now, in words.
    pub refused: Option<String>,
    /// The id of the choice that the form makes, so that sending it twice is done once.
    pub new_id: String,
    /// Which way it goes: the form goes this way, or nowhere.
    pub plan_change: PlanChange,
    /// From when a larger plan is paid for, in seconds since 1970.
    pub from: i64,
}

/// What choosing a plan means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// To subscribe, at Stripe, with so many days free first.
    Subscribe {
        /// Days.
        trial_days: u16,
    },
    /// A larger plan at once; what that costs now, in cents, if Stripe has said.
    Up {
        /// In cents.
        due_cents: Option<u64>,
        /// When the next whole month is paid.
        next: LocalTime,
    },
    /// The present plan, after all.
    Stay,
    /// A smaller plan from then on.
    Down {
        /// The next reset.
        from: LocalTime,
    },
    /// No paid plan from then on.
    End {
        /// The next reset.
        from: LocalTime,
    },
}

/// What becomes of the tokens of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenChange {
    /// The token type's label.
    pub label: String,
    /// What there is, and stays.
    pub kept: Tokens,
    /// What comes at once.
    pub gained: Tokens,
    /// What goes at once.
    pub lost: Tokens,
    /// What a month brings now, and then.
    pub a_month: (Tokens, Tokens),
}
