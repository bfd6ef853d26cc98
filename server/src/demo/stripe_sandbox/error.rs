//! The sandbox's errors: of its actions, and of its API in Stripe's format.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// Why the sandbox refused an action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// The object is unknown: its type and its id.
    #[error("No such {0}: {1}.")]
    Unknown(&'static str, String),
    /// The object's state doesn't allow the action.
    #[error("{0}")]
    WrongState(&'static str),
    /// The API refuses the action with this message.
    #[error("{0}")]
    Refused(String),
    /// The amount is zero, or more than the rest of the payment.
    #[error("The amount must be from 1 to {rest_cents}, in the currency's smallest unit.")]
    Amount {
        /// The amount that can still be refunded.
        rest_cents: u64,
    },
}

/// An error response of the API.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
    pub(super) message: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code: None, param: None, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    pub(super) fn param(param: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { code: Some(code), param: Some(param.to_owned()), ..Self::invalid(message) }
    }

    /// An invalid request with a code, such as `customer_tax_location_invalid`.
    pub(super) fn coded(code: &'static str, message: impl Into<String>) -> Self {
        Self { code: Some(code), ..Self::invalid(message) }
    }

    /// The value of `param` is none of the `choices`, such as `month or year`.
    pub(super) fn choices(param: &str, choices: &str) -> Self {
        Self::param(param, "parameter_invalid", format!("{param} must be {choices} in the sandbox."))
    }

    /// The object that `param` refers to is missing; `kind` is its Stripe type.
    pub(super) fn unknown(param: &str, kind: &str, id: &str) -> Self {
        Self::param(param, "resource_missing", format!("No such {kind}: '{id}'"))
    }

    /// The object that the request's path names is missing: like [`ApiError::unknown`], with status 404.
    pub(super) fn missing(param: &str, kind: &str, id: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::unknown(param, kind, id) }
    }

    pub(super) fn card_declined() -> Self {
        let declined = Self::new(StatusCode::PAYMENT_REQUIRED, "card_error", "Your card was declined.");
        Self { code: Some("card_declined"), ..declined }
    }

    /// The bank wants the customer to confirm the payment.
    pub(super) fn needs_confirmation() -> Self {
        let message = "Payment for this subscription requires additional user action before it can be completed \
                       successfully. Payment can be completed using the PaymentIntent associated with \
                       `subscription.latest_invoice`.";
        let error = Self::new(StatusCode::PAYMENT_REQUIRED, "card_error", message);
        Self { code: Some("subscription_payment_intent_requires_action"), ..error }
    }

    /// A payment is due, but the customer has no card.
    pub(super) fn no_card() -> Self {
        let message = "This customer has no attached payment source or default payment method. Please consider adding \
                       a default payment method.";
        Self::coded("resource_missing", message)
    }

    pub(super) fn body(&self) -> Value {
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let Some(code) = self.code {
            error["code"] = code.into();
        }
        if let Some(param) = &self.param {
            error["param"] = param.as_str().into();
        }
        json!({ "error": error })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}
