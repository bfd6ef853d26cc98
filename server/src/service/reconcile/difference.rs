//! The kinds of differences, and their names for staff.

use serde::{Deserialize, Serialize};

/// How a purchase or a plan differs from Stripe's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// Paid, but not credited. The fix credits the tokens.
    PaidNotCredited,
    /// Credited, but not paid according to Stripe. Needs attention.
    CreditedNotPaid,
    /// Refunds and disputes at Stripe do not match the tokens clawed back. The fix claws back or reinstates the
    /// difference.
    RefundsDiffer,
    /// The amount paid or its currency differs. The fix corrects the receipt.
    AmountDiffers,
    /// The purchase's Checkout session belongs to another order. Needs attention.
    AnotherPayment,
    /// Stripe's state of the payment could not be read. Needs attention.
    PaymentUnreadable,
    /// A subscription, an invoice or the plan that follows from them differs. The fix updates the plan and the license.
    PlanDiffers,
    /// Stripe's state of the subscriptions could not be read. Needs attention.
    PlanUnreadable,
    /// A price at Stripe names a plan that the catalog does not have. Needs attention: correct the metadata of the price.
    UnknownPlan,
    /// The organization pays for more than one plan. Needs attention: a person decides which one to cancel and what to
    /// refund.
    DuplicateSubscriptions,
}

impl Difference {
    /// Whether applying Stripe's state fixes the difference.
    pub const fn is_fixable(self) -> bool {
        match self {
            Self::PaidNotCredited | Self::RefundsDiffer | Self::AmountDiffers | Self::PlanDiffers => true,
            Self::CreditedNotPaid
            | Self::AnotherPayment
            | Self::PaymentUnreadable
            | Self::PlanUnreadable
            | Self::UnknownPlan
            | Self::DuplicateSubscriptions => false,
        }
    }

    /// The name for staff.
    pub const fn label(self) -> &'static str {
        match self {
            Self::PaidNotCredited => "Paid, but not credited",
            Self::RefundsDiffer => "Refunds or disputes weren't applied",
            Self::AmountDiffers => "The amount paid or its currency differs",
            Self::CreditedNotPaid => "Credited, but not paid",
            Self::PlanDiffers => "The plan or its invoices differ",
            Self::PlanUnreadable => "Stripe doesn't report the state of the plan",
            Self::PaymentUnreadable => "Stripe doesn't report the state of the payment",
            Self::UnknownPlan => "A price names an unknown plan",
            Self::DuplicateSubscriptions => "More than one plan is paid for",
            Self::AnotherPayment => "The Stripe session belongs to another order",
        }
    }

    /// Returns the effect of the fix. For a difference without a safe fix, returns the steps for staff.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::PaidNotCredited => "Applying Stripe's state credits the tokens once.",
            Self::RefundsDiffer => "Applying Stripe's state takes back or returns the tokens for that money.",
            Self::AmountDiffers => "Applying Stripe's state corrects the receipt.",
            Self::PlanDiffers => "Applying Stripe's state updates the plan and the license.",
            Self::CreditedNotPaid => {
                "Check the payment in Stripe. If the money isn't there, correct the organization's balance. Tokens aren't taken back automatically."
            }
            Self::PlanUnreadable => {
                "Compare again. If this stays, check the customer in Stripe: it may have more subscriptions than we can read, or one with a status we don't know."
            }
            Self::PaymentUnreadable => {
                "Compare again. If this stays, check the payment in Stripe: its session may be gone."
            }
            Self::UnknownPlan => {
                "The last known plan stays in force. Correct brightmeter_plan in the metadata of the price in Stripe."
            }
            Self::DuplicateSubscriptions => {
                "The largest paid plan counts. Cancel the others in Stripe and refund their payments."
            }
            Self::AnotherPayment => {
                "Stripe's state isn't applied. Check the session in Stripe and find out which order was paid."
            }
        }
    }
}
