//! What can go wrong, as it crosses the wire: coarse, and without anything internal.

use brightmeter::access::refusal::Refusal;
use leptos::{
    prelude::{FromServerFnError, ServerFnErrorErr},
    server_fn::codec::JsonEncoding,
};
use serde::{Deserialize, Serialize};

/// Why a page, a form or a call cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum AppError {
    /// The rules say no. Nothing was charged.
    #[error("{refusal}")]
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// Nobody is signed in, or no longer.
    #[error("Please sign in.")]
    SignInRequired,
    /// The person may not do this.
    #[error("You may not do this. Ask an owner or admin of your organization.")]
    Forbidden,
    /// There is no such thing, or it belongs to somebody else.
    #[error("There is nothing here.")]
    NotFound,
    /// Fields that must be mended.
    #[error("Please check what you entered.")]
    Invalid {
        /// Field and message.
        fields: Vec<(String, String)>,
    },
    /// Too much is going on.
    #[error("Too much is going on right now. Nothing was charged; try again in a moment.")]
    Busy,
    /// Stripe does not answer.
    #[error("Our payment provider does not answer right now. Nothing was charged; please try again in a minute.")]
    PaymentUnavailable,
    /// The database was lost in the middle.
    #[error("We could not confirm whether this went through. Reload the page to see; nothing is charged twice.")]
    OutcomeUnknown,
    /// A defect, logged under the id.
    #[error("Something went wrong on our side. If you write to us, mention {request_id}.")]
    Internal {
        /// The request's id in the log.
        request_id: String,
    },
}

impl AppError {
    /// What is wrong with one field.
    pub fn on(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { fields: vec![(field.into(), message.into())] }
    }

    /// The HTTP status that says what kind of no it is.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Refused { refusal } => match refusal {
                Refusal::InsufficientTokens { .. } => 402,
                Refusal::AccountClosed { .. }
                | Refusal::Blocked { .. }
                | Refusal::FeatureNotInPlan { .. }
                | Refusal::LicenseSuspended { .. }
                | Refusal::LicenseStopped { .. } => 403,
                Refusal::HoldNotFound | Refusal::SpendNotFound | Refusal::PurchaseNotFound => 404,
                Refusal::HoldClosed { .. }
                | Refusal::AlreadyRefunded
                | Refusal::PlanUnchanged { .. }
                | Refusal::AlreadySuspended
                | Refusal::NotSuspended => 409,
                Refusal::RateLimited { .. } | Refusal::TooFrequent { .. } | Refusal::QuotaReached { .. } => 429,
                Refusal::UnknownFeature { .. }
                | Refusal::UnknownPlan { .. }
                | Refusal::UnknownTokenType { .. }
                | Refusal::CaptureExceedsHold { .. }
                | Refusal::AmountOutOfRange { .. }
                | Refusal::TtlOutOfRange { .. } => 422,
            },
            Self::SignInRequired => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Invalid { .. } => 422,
            Self::Busy | Self::PaymentUnavailable | Self::OutcomeUnknown => 503,
            Self::Internal { .. } => 500,
        }
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Deserialization(_) => {
                Self::Invalid { fields: Vec::new() }
            }
            // The browser could not reach the server, or got no sense out of it.
            _ => Self::Busy,
        }
    }
}
