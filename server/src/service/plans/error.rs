//! The errors of choosing a plan.

use brightmeter::time::Instant;

use crate::{
    service::{customers::CustomerError, purchases::SyncError},
    storage::StorageError,
    stripe::gateway::GatewayError,
};

/// Why a plan could not be chosen or priced.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The catalog has no such plan.
    #[error("unknown plan")]
    UnknownPlan,
    /// The plan has no price in the subscription's currency.
    #[error("the plan has no price in the subscription's currency")]
    NoPrice,
    /// The organization is already on this plan, and no change is pending.
    #[error("already on this plan")]
    AlreadyOnPlan,
    /// Another change is pending until the reset. It has to be undone first.
    #[error("another plan change is pending until the reset")]
    ChangePending,
    /// The billing period ends in a moment, at this instant.
    #[error("the billing period is about to end")]
    PeriodEnding(Instant),
    /// An invoice is unpaid.
    #[error("an invoice is unpaid")]
    Unpaid,
    /// Staff have suspended the license.
    #[error("the license is suspended by staff")]
    Suspended,
    /// The smaller plan is paid in another interval, which would start a new billing period now.
    #[error("the smaller plan is paid in another interval")]
    OtherInterval,
    /// The subscription is paused. It has to be resumed first.
    #[error("the subscription is paused")]
    Paused,
    /// The first payment of a subscription is not confirmed yet, by the bank or by the customer.
    #[error("the first payment of the subscription is pending")]
    PaymentPending,
    /// The customer has not confirmed the payment of another upgrade yet.
    #[error("the payment of another upgrade is not confirmed")]
    ConfirmationPending,
    /// The organization has no subscription at Stripe.
    #[error("no subscription")]
    NoSubscription,
    /// The organization has chosen plans too often.
    #[error("too many plan choices")]
    TooMany,
    /// The form is out of date: its id was used for another plan, another choice was made since, or the plan change or
    /// its price is not what was shown.
    #[error("the form is out of date")]
    Outdated,
    /// The request to Stripe failed.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// Stripe did not confirm whether it changed the subscription.
    #[error("the subscription change is not confirmed")]
    Unconfirmed(#[source] GatewayError),
    /// Stripe's facts could not be recorded.
    #[error(transparent)]
    Sync(SyncError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl PlanError {
    /// Why a subscription could not be changed. Without a clear refusal by Stripe, the outcome is unknown.
    pub(super) fn from_change(error: GatewayError) -> Self {
        match error {
            GatewayError::Unavailable(_) | GatewayError::Unreadable(_) => Self::Unconfirmed(error),
            GatewayError::Declined
            | GatewayError::NeedsConfirmation
            | GatewayError::NoPaymentMethod
            | GatewayError::CustomerMissing(_)
            | GatewayError::NotFound(_)
            | GatewayError::Refused(_) => Self::Gateway(error),
        }
    }
}

impl From<SyncError> for PlanError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Gateway(error) => Self::Gateway(error),
            SyncError::Storage(error) => Self::Storage(error),
            error @ SyncError::Submit(_) => Self::Sync(error),
        }
    }
}

impl From<CustomerError> for PlanError {
    fn from(error: CustomerError) -> Self {
        match error {
            CustomerError::Gateway(error) => Self::Gateway(error),
            CustomerError::Storage(error) => Self::Storage(error),
        }
    }
}
