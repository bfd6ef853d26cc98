//! View model of the notices about a plan's payments and its next change.

use serde::{Deserialize, Serialize};

/// A notice about the plan: on `/billing` and `/license`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeView {
    /// Whether the viewer's organization has to do something.
    pub is_urgent: bool,
    /// The state, in a few words.
    pub title: String,
    /// What it means, and what happens next.
    pub text: String,
    /// What the viewer can do about it. `None` if nothing, or if only others may.
    pub action: Option<NoticeAction>,
}

/// What can be done about a notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoticeAction {
    /// Pay on Stripe's page at this URL.
    Pay(String),
    /// Confirm the payment on Stripe's page at this URL.
    Confirm(String),
    /// Open the customer portal.
    OpenPortal,
    /// Resume the paused subscription to this plan.
    Resume {
        /// The plan's name.
        plan: String,
        /// The plan's label.
        label: String,
    },
}

/// The banner on every page of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BannerView {
    /// The text.
    pub text: String,
    /// Stripe's page to pay on. `None` if the viewer may not pay, or if Stripe has named none.
    pub pay_url: Option<String>,
}
