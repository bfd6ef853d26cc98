//! The error responses and the header that routes share in the OpenAPI document.

#![expect(dead_code, reason = "the OpenAPI document only uses the shape of these types")]

use utoipa::{IntoParams, IntoResponses};

use crate::http::problem::ProblemBody;

/// The errors of every route that reads.
#[derive(IntoResponses)]
pub(super) enum ReadErrors {
    /// The credential is missing or invalid.
    #[response(status = 401, content_type = "application/problem+json")]
    Credential(ProblemBody),
    /// The server is busy. The request had no effect.
    #[response(status = 503, content_type = "application/problem+json")]
    Busy(ProblemBody),
}

/// The error of every route with query parameters.
#[derive(IntoResponses)]
pub(super) enum QueryError {
    /// A parameter is missing, unknown or out of range.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody),
}

/// The error of every route that reads something by its id.
#[derive(IntoResponses)]
pub(super) enum NotFoundError {
    /// The resource doesn't exist, or it belongs to another organization.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody),
}

/// The errors of every route that submits a command.
#[derive(IntoResponses)]
pub(super) enum CommandErrors {
    /// The body isn't valid JSON, or `Idempotency-Key` is missing.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(ProblemBody),
    /// The credential is missing or invalid.
    #[response(status = 401, content_type = "application/problem+json")]
    Credential(ProblemBody),
    /// The API key's scope, the plan or the license doesn't allow it.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody),
    /// A resource that the request names doesn't exist, or it belongs to another organization.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody),
    /// The body didn't arrive in time. The request had no effect.
    #[response(status = 408, content_type = "application/problem+json")]
    BodyTimeout(ProblemBody),
    /// The body is larger than 64 KiB.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody),
    /// The body's `Content-Type` isn't JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(ProblemBody),
    /// A field is missing, unknown or out of range, or the `Idempotency-Key` was used for a different request.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody),
    /// The server is busy, or the outcome is unknown. Repeat the request with the same `Idempotency-Key`.
    #[response(status = 503, content_type = "application/problem+json")]
    Busy(ProblemBody),
}

/// The errors of every route that uses a feature.
#[derive(IntoResponses)]
pub(super) enum UsageErrors {
    /// Not enough tokens.
    #[response(status = 402, content_type = "application/problem+json")]
    Tokens(ProblemBody),
    /// Too many requests, or too soon after the last one.
    #[response(status = 429, content_type = "application/problem+json")]
    Often(ProblemBody),
}

/// The error of every route that ends or reverses something.
#[derive(IntoResponses)]
pub(super) enum ConflictError {
    /// The hold has already ended, or the spend was already refunded.
    #[response(status = 409, content_type = "application/problem+json")]
    Closed(ProblemBody),
}

/// The header of every route that submits a command.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct IdempotencyHeader {
    /// Your unique name for the request. For 7 days, a repeat with the same body has no effect and returns the same
    /// response.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$",
        example = "order-A-17"
    )]
    idempotency_key: String,
}
