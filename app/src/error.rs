//! Errors for pages and the browser: coarse, serializable and without internals.

use brightmeter::access::refusal::Refusal;
use leptos::{
    prelude::{FromServerFnError, ServerFnErrorErr},
    server_fn::codec::JsonEncoding,
};
use serde::{Deserialize, Serialize};

/// The error of a page, form or server function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum AppError {
    /// The command was refused. Nothing was charged.
    #[error("{refusal}")]
    Refused {
        /// The refusal.
        refusal: Refusal,
    },
    /// The session is missing or has expired.
    #[error("Sign in to continue.")]
    SignInRequired,
    /// The user's role doesn't allow this.
    #[error("You don't have permission to do this. Ask an owner or admin of your organization.")]
    Forbidden,
    /// The resource doesn't exist or belongs to another organization.
    #[error("We couldn't find what you're looking for.")]
    NotFound,
    /// Some fields are invalid.
    #[error("Check what you entered.")]
    Invalid {
        /// Field names and messages.
        fields: Vec<(String, String)>,
    },
    /// The server is overloaded.
    #[error("We're very busy right now. Nothing was charged. Try again in a moment.")]
    Busy,
    /// The database doesn't answer.
    #[error("We can't reach your data right now. Nothing was charged, and nothing is lost. We're trying again.")]
    Unavailable,
    /// Stripe doesn't answer.
    #[error("Our payment provider isn't responding right now. Nothing was charged. Try again in a minute.")]
    PaymentUnavailable,
    /// The connection to the database was lost during the commit.
    #[error("We couldn't confirm whether this went through. Reload the page to check. You won't be charged twice.")]
    OutcomeUnknown,
    /// A bug. The log has the details.
    #[error("Something went wrong on our side. If you contact us, mention {request_id}.")]
    Internal {
        /// The id of the request in the log.
        request_id: String,
    },
}

impl AppError {
    /// Returns an [`AppError::Invalid`] for one field.
    pub fn on(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { fields: vec![(field.into(), message.into())] }
    }

    /// Returns the HTTP status of the error.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Refused { refusal } => match refusal {
                Refusal::InsufficientTokens { .. } => 402,
                Refusal::AccountClosed { .. }
                | Refusal::Blocked { .. }
                | Refusal::FeatureNotInPlan { .. }
                | Refusal::LicenseSuspended { .. }
                | Refusal::LicenseSuspendedByStaff { .. } => 403,
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
            Self::Busy | Self::Unavailable | Self::PaymentUnavailable | Self::OutcomeUnknown => 503,
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
            // The browser couldn't reach the server or couldn't read its answer.
            _ => Self::Busy,
        }
    }
}
