//! Why a plan was not chosen.

use brightmeter::time::Instant;

use crate::{
    service::{customers::CustomerError, purchases::SettleError},
    storage::StorageError,
    stripe::gateway::GatewayError,
};

/// Why a choice came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The catalog has no such plan.
    #[error("there is no such plan")]
    Unknown,
    /// It is the plan that they are on, and stay on.
    #[error("this is the plan already")]
    Same,
    /// Another change waits for the reset; it has to be taken back first.
    #[error("another change waits for the reset")]
    ChangeWaits,
    /// The month ends in a moment.
    #[error("the month ends in a moment")]
    MonthEnds(Instant),
    /// An invoice is unpaid.
    #[error("an invoice is unpaid")]
    Unpaid,
    /// Staff have suspended the license.
    #[error("the license is suspended by staff")]
    Suspended,
    /// Nothing is paid through Stripe.
    #[error("there is no subscription")]
    NoSubscription,
    /// Too many choices.
    #[error("too many choices")]
    TooMany,
    /// The same form was sent before, for something else, or another choice was made since.
    #[error("another choice was made")]
    OtherOrder,
    /// Stripe did not do it.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// It did not say whether it changed the subscription.
    #[error("a change of a subscription is not confirmed")]
    Unconfirmed(#[source] GatewayError),
    /// What it said could not be taken in.
    #[error(transparent)]
    Settle(SettleError),
    /// The database did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<SettleError> for PlanError {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Gateway(error) => Self::Gateway(error),
            SettleError::Storage(error) => Self::Storage(error),
            error @ SettleError::Submit(_) => Self::Settle(error),
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
