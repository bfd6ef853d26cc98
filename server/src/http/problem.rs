//! Problem details (RFC 9457): the error responses of the REST API and of the webhooks.

pub(super) mod kinds;

use app::{components::action_address, error::AppError};
use axum::{
    extract::rejection::BytesRejection,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use brightmeter::{
    access::{
        api_key::Denial,
        refusal::{LimitSource, Refusal},
    },
    time::{Instant, seconds_until},
};
use serde::Serialize;
use utoipa::ToSchema;

use self::kinds::{Kind, kind_of};
use super::{backend::internal, rate_limit_headers};
use crate::{
    request_id,
    service::{StorageError, account_reader::ReadError, writer::SubmitError},
    stripe::signature::SignatureError,
};

/// The `Retry-After` of a busy server, in seconds.
const BUSY_SECONDS: u32 = 1;
/// The media type of a problem.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// An error response.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Problem {
    /// The request can't be parsed.
    Malformed(String),
    /// A POST under `/tokens/` has no usable `Idempotency-Key`.
    NoIdempotencyKey(&'static str),
    /// The request has no usable credential.
    NoCredential(&'static str),
    /// The signature of a Stripe event can't be verified.
    Signature(SignatureError),
    /// The API key or the session isn't allowed to do this.
    Denied(Denial),
    /// The domain refused the command.
    Refused {
        /// The reason.
        refusal: Refusal,
        /// The instant of the refusal.
        now: Instant,
    },
    /// The resource doesn't exist, or it belongs to another organization.
    NotFound,
    /// The URL doesn't support the method.
    Method,
    /// The body didn't arrive in time. The request had no effect.
    BodyTimeout,
    /// The body exceeds this many bytes.
    TooLarge(usize),
    /// The body's `Content-Type` isn't JSON.
    MediaType,
    /// Fields are invalid.
    Invalid(Vec<FieldProblem>),
    /// The idempotency key was used for a different request.
    KeyReused,
    /// The server is overloaded, or the database is unavailable. The request had no effect.
    Busy,
    /// The connection to the database was lost during the commit. A repeat with the same idempotency key returns the
    /// outcome.
    OutcomeUnknown,
    /// A bug of ours; it has been logged.
    Internal,
    /// Any other error status.
    Other(StatusCode),
}

/// An invalid field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct FieldProblem {
    /// The field's path in the body, or the parameter's name.
    #[schema(example = "quantity")]
    pub(super) field: String,
    /// The reason why the value is invalid.
    #[schema(example = "a quantity is a whole number from 1 to 10,000")]
    pub(super) message: String,
}

/// Problem details (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// The documentation of this kind of problem.
    #[schema(example = "/api/docs#insufficient_tokens")]
    r#type: String,
    /// The kind of problem, in a few words.
    #[schema(example = "Not enough tokens")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 402)]
    status: u16,
    /// The cause of this problem, for people.
    #[schema(example = "Not enough tokens: 5 needed, 3 available.")]
    detail: String,
    /// The kind of problem, for programs. A code never changes its meaning.
    #[schema(example = "insufficient_tokens")]
    code: &'static str,
    /// The request's id, as in `X-Request-Id`.
    request_id: String,
    /// The invalid fields. Only present with the code `invalid_field`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    #[serde(flatten)]
    #[schema(value_type = Limit)]
    limit: Option<Limit>,
}

/// The limit behind a refusal.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Limit {
    /// The limit that refused the request.
    #[schema(value_type = String, required = false, example = "balance")]
    limit_source: LimitSource,
    /// The amount left under the limit. `null` if the limit doesn't count anything.
    #[schema(value_type = Option<i64>, minimum = 0, example = 3)]
    remaining: Option<i64>,
    /// When the limit ends or resets. `null` if it doesn't.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-12-01T08:30:00Z")]
    resets_at: Option<Instant>,
    /// The seconds to wait before trying again. `null` if waiting doesn't help.
    #[schema(minimum = 0, example = json!(null))]
    retry_after: Option<u32>,
    /// The page where this can be resolved. `null` if there is none.
    #[schema(example = "/billing#packs")]
    action_url: Option<&'static str>,
}

impl Limit {
    /// The limit behind `refusal`, as of `now`.
    pub(super) fn of(refusal: &Refusal, now: Instant) -> Self {
        let resets_at = refusal.resets_at();
        Self {
            limit_source: refusal.limit_source(),
            remaining: refusal.remaining().map(|tokens| tokens.get()),
            resets_at,
            retry_after: resets_at.map(|at| seconds_until(now, at)),
            action_url: action_address(refusal),
        }
    }
}

impl Problem {
    /// One invalid field.
    pub(super) fn on(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem { field: field.into(), message: message.into() }])
    }

    /// Converts the failure to read a body of at most `limit` bytes.
    pub(super) fn of_body(rejection: BytesRejection, limit: usize) -> Self {
        match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge(limit),
            _ => Self::Malformed("The body couldn't be read.".into()),
        }
    }

    /// Converts the failure of a command at `now`.
    pub(super) fn of_submit(error: SubmitError, now: Instant) -> Self {
        match error {
            SubmitError::Refused(refusal) => Self::Refused { refusal, now },
            SubmitError::Denied(denial) => Self::Denied(denial),
            SubmitError::KeyReused => Self::KeyReused,
            SubmitError::UnknownOrganization => Self::NotFound,
            SubmitError::Busy => Self::Busy,
            SubmitError::OutcomeUnknown => Self::OutcomeUnknown,
            SubmitError::Storage(error) => error.as_ref().into(),
        }
    }

    /// Converts the failure to read an account at `now`.
    pub(super) fn of_read(error: ReadError, now: Instant) -> Self {
        match error {
            ReadError::NotFound => Self::NotFound,
            ReadError::Storage(error) => (&error).into(),
            ReadError::Submit(error) => Self::of_submit(error, now),
        }
    }

    /// Returns the status, the kind and the detail.
    fn describe(&self) -> (StatusCode, &'static Kind, String) {
        let (code, detail) = match self {
            Self::Malformed(detail) => ("malformed", detail.clone()),
            Self::NoIdempotencyKey(detail) => ("idempotency_key_missing", (*detail).into()),
            Self::NoCredential(detail) => ("credential_invalid", (*detail).into()),
            Self::Signature(error) => ("signature_invalid", format!("The signature can't be verified: {error}.")),
            Self::Denied(denial) => (
                match denial {
                    Denial::InvalidKey => "credential_invalid",
                    Denial::ScopeMissing { .. } | Denial::ManagersOnly => "scope_missing",
                    Denial::UnknownMember => "member_not_found",
                },
                denial.to_string(),
            ),
            Self::Refused { refusal, .. } => (refusal.code(), refusal.to_string()),
            Self::NotFound => {
                ("not_found", "The resource doesn't exist, or it belongs to another organization.".into())
            }
            Self::Method => ("method_not_allowed", "This URL doesn't support that method.".into()),
            Self::BodyTimeout => ("body_timeout", "The body didn't arrive in time. The request had no effect.".into()),
            Self::TooLarge(bytes) => ("too_large", format!("The body can be at most {} KiB.", bytes / 1_024)),
            Self::MediaType => ("unsupported_media_type", "The body's Content-Type isn't JSON.".into()),
            Self::Invalid(fields) => {
                let fields: Vec<String> = fields.iter().map(|it| format!("{}: {}", it.field, it.message)).collect();
                ("invalid_field", fields.join("; "))
            }
            Self::KeyReused => ("key_reused", "This Idempotency-Key was already used for a different request.".into()),
            Self::Busy => ("busy", "The server is busy. The request had no effect.".into()),
            Self::OutcomeUnknown => (
                "outcome_unknown",
                "The request may or may not have been applied. Repeat it with the same Idempotency-Key to find out."
                    .into(),
            ),
            Self::Internal => ("internal", "Something went wrong on our side. The error has been logged.".into()),
            Self::Other(status) => return (*status, kind_of("http_error"), status.to_string()),
        };
        let kind = kind_of(code);
        (kind.status, kind, detail)
    }

    fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Busy | Self::OutcomeUnknown => Some(BUSY_SECONDS),
            Self::Refused { refusal, now } if refusal.limit_source() != LimitSource::Balance => {
                refusal.resets_at().map(|at| seconds_until(*now, at))
            }
            _ => None,
        }
    }
}

impl From<&StorageError> for Problem {
    fn from(error: &StorageError) -> Self {
        if internal(error) == AppError::Unavailable { Self::Busy } else { Self::Internal }
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        (&error).into()
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        StorageError::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, Kind { code, title, .. }, detail) = self.describe();
        let body = ProblemBody {
            r#type: format!("/api/docs#{code}"),
            title,
            status: status.as_u16(),
            detail,
            code,
            request_id: request_id::current(),
            errors: if let Self::Invalid(fields) = &self { fields.clone() } else { Vec::new() },
            limit: if let Self::Refused { refusal, now } = &self { Some(Limit::of(refusal, *now)) } else { None },
        };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"brightmeter\""));
        }
        let mut set = |name: HeaderName, text: String| {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        };
        if let Some(seconds) = self.retry_after() {
            set(RETRY_AFTER, seconds.to_string());
        }
        if let Self::Refused { refusal, now } = &self {
            for (name, text) in rate_limit_headers::exhausted(refusal, *now).into_iter().flatten() {
                set(name, text);
            }
        }
        response
    }
}
