//! What calls may answer besides what was asked for, as the OpenAPI document tells it.

#![expect(dead_code, reason = "only their shape is read, by the document")]

use utoipa::{IntoParams, IntoResponses};

use super::problem::ProblemBody;

/// Of every call that reads.
#[derive(IntoResponses)]
pub(super) enum Reads {
    /// No credential, or one that does not hold.
    #[response(status = 401, content_type = "application/problem+json")]
    Credential(ProblemBody),
    /// Busy; nothing was done.
    #[response(status = 503, content_type = "application/problem+json")]
    Busy(ProblemBody),
}

/// Of every call with parameters.
#[derive(IntoResponses)]
pub(super) enum Queried {
    /// A parameter is missing, unknown or out of range.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody),
}

/// Of every call that names something.
#[derive(IntoResponses)]
pub(super) enum Named {
    /// It is not there, or it is not yours.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody),
}

/// Of every call that moves tokens.
#[derive(IntoResponses)]
pub(super) enum Moves {
    /// Malformed JSON, or no `Idempotency-Key`.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(ProblemBody),
    /// No credential, or one that does not hold.
    #[response(status = 401, content_type = "application/problem+json")]
    Credential(ProblemBody),
    /// The key's scope, the plan, the license or a block forbids it.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody),
    /// What it names is not there, or it is not yours.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody),
    /// The body has more than 64 KiB.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody),
    /// The body is no JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(ProblemBody),
    /// A field is missing, unknown or out of range, or the `Idempotency-Key` was used for another request.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody),
    /// Busy, or the outcome is unknown: send it again with the same `Idempotency-Key`.
    #[response(status = 503, content_type = "application/problem+json")]
    Busy(ProblemBody),
}

/// Of every call that uses a feature.
#[derive(IntoResponses)]
pub(super) enum Uses {
    /// Not enough tokens.
    #[response(status = 402, content_type = "application/problem+json")]
    Tokens(ProblemBody),
    /// Too often, or a quota is reached.
    #[response(status = 429, content_type = "application/problem+json")]
    Often(ProblemBody),
}

/// Of every call that ends something.
#[derive(IntoResponses)]
pub(super) enum Ends {
    /// It has ended otherwise.
    #[response(status = 409, content_type = "application/problem+json")]
    Closed(ProblemBody),
}

/// The header of every call that moves tokens.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct Repeatable {
    /// Your name for this request: sent again with the same body, it is done once and answered the same. Kept for 7 days.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$",
        example = "order-A-17"
    )]
    idempotency_key: String,
}
