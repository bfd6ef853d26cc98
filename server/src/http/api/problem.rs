//! What the API answers when it does not do what was asked: RFC 9457 problem details, one code a reason.

pub(super) mod kinds;

use app::components::action_address;
use axum::{
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
use super::{MAX_BODY_BYTES, rate};
use crate::{
    http::backend::internal,
    request_id,
    service::{account_reader::ReadError, writer::SubmitError},
    storage::StorageError,
    stripe::signature::SignatureError,
};

/// How long to wait before a request that met a busy server is sent again.
const BUSY_SECONDS: u32 = 1;
/// The media type of a problem.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not answered as asked.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::http) enum Problem {
    /// It cannot be read at all.
    Malformed(String),
    /// A POST under `/tokens/` without a usable `Idempotency-Key`.
    NoIdempotencyKey(&'static str),
    /// Nobody known sent it.
    NoCredential(&'static str),
    /// What says that it comes from Stripe does not come from Stripe, or not now.
    Signature(SignatureError),
    /// The key does not open this.
    Denied(Denial),
    /// The rules say no.
    Refused {
        /// Why.
        refusal: Refusal,
        /// When it was said.
        now: Instant,
    },
    /// It is not there, or somebody else's.
    NotFound,
    /// The address knows no such method.
    Method,
    /// The body is larger than so many bytes.
    TooLarge(usize),
    /// The body is no JSON.
    MediaType,
    /// Fields that must be mended, each with what is wrong.
    Invalid(Vec<FieldProblem>),
    /// The idempotency key was used for another request.
    KeyReused,
    /// Too much is going on; nothing was done.
    Busy,
    /// The database was lost in the middle: the same request with the same key tells what became of it.
    OutcomeUnknown,
    /// A defect of ours, logged.
    Internal,
    /// Whatever a layer around the API answered with that status.
    Other(StatusCode),
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::http) struct FieldProblem {
    /// The field, by its path in the body, or the parameter.
    #[schema(example = "quantity")]
    pub(super) field: String,
    /// What is wrong with it.
    #[schema(example = "a quantity is a whole number from 1 to 10,000")]
    pub(super) message: String,
}

/// Problem details (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(in crate::http) struct ProblemBody {
    /// Where this kind of problem is explained.
    #[schema(example = "/api/docs#insufficient_tokens")]
    r#type: String,
    /// The kind of problem, in a few words.
    #[schema(example = "Not enough tokens")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 402)]
    status: u16,
    /// What happened this time.
    #[schema(example = "It takes 5 tokens and 3 are available.")]
    detail: String,
    /// The kind of problem, for programs; never changes its meaning.
    #[schema(example = "insufficient_tokens")]
    code: &'static str,
    /// The request's id, as in `X-Request-Id`.
    request_id: String,
    /// The fields that must be mended, where it is they.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    #[serde(flatten)]
    #[schema(value_type = Limit)]
    limit: Option<Limit>,
}

/// What a refusal says of the limit behind it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Limit {
    /// Which limit said no.
    #[schema(value_type = String, required = false, example = "balance")]
    limit_source: LimitSource,
    /// What is left under it, where it counts something.
    #[schema(value_type = Option<i64>, minimum = 0, example = 3)]
    remaining: Option<i64>,
    /// When it ends or starts anew by itself, if it does.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-12-01T08:30:00Z")]
    resets_at: Option<Instant>,
    /// In how many seconds it makes sense to try again, if waiting helps.
    #[schema(minimum = 0, example = json!(null))]
    retry_after: Option<u32>,
    /// Where something can be done about it, if anywhere.
    #[schema(example = "/billing#packs")]
    action_url: Option<&'static str>,
}

impl Limit {
    /// What `refusal` says at `now`.
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
    /// What is wrong with one field.
    pub(super) fn on(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem { field: field.into(), message: message.into() }])
    }

    /// The status, the kind, and what happened this time.
    fn told(&self) -> (StatusCode, &'static Kind, String) {
        let (code, detail) = match self {
            Self::Malformed(detail) => ("malformed", detail.clone()),
            Self::NoIdempotencyKey(detail) => ("idempotency_key_missing", (*detail).into()),
            Self::NoCredential(detail) => ("credential_invalid", (*detail).into()),
            Self::Signature(error) => ("signature_invalid", format!("This is not taken for Stripe's: {error}.")),
            Self::Denied(denial) => (
                match denial {
                    Denial::NoKey => "credential_invalid",
                    Denial::ScopeMissing { .. } | Denial::ManagersOnly => "scope_missing",
                    Denial::NoMember => "member_not_found",
                },
                denial.to_string(),
            ),
            Self::Refused { refusal, .. } => (refusal.code(), refusal.to_string()),
            Self::NotFound => ("not_found", "There is nothing here, or it is not yours.".into()),
            Self::Method => ("method_not_allowed", "This address does not know that method.".into()),
            Self::TooLarge(bytes) => ("too_large", format!("A body has at most {} KiB here.", bytes / 1_024)),
            Self::MediaType => ("unsupported_media_type", "The body is not sent as JSON.".into()),
            Self::Invalid(fields) => {
                let fields: Vec<String> = fields.iter().map(|it| format!("{}: {}", it.field, it.message)).collect();
                ("invalid_field", fields.join("; "))
            }
            Self::KeyReused => ("key_reused", "This Idempotency-Key was used for another request.".into()),
            Self::Busy => ("busy", "Too much is going on. Nothing was done.".into()),
            Self::OutcomeUnknown => {
                ("outcome_unknown", "It may or may not have been done; the same key tells which.".into())
            }
            Self::Internal => ("internal", "Something went wrong on our side, and was logged.".into()),
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

    /// The problem for whatever a layer around the API answered.
    pub(super) fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::Method,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge(MAX_BODY_BYTES),
            StatusCode::SERVICE_UNAVAILABLE => Self::OutcomeUnknown,
            StatusCode::INTERNAL_SERVER_ERROR => Self::Internal,
            other => Self::Other(other),
        }
    }

    /// What became of a command at `now`.
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

    /// Why an account could not be read at `now`.
    pub(super) fn of_read(error: ReadError, now: Instant) -> Self {
        match error {
            ReadError::NotFound => Self::NotFound,
            ReadError::Storage(error) => (&error).into(),
            ReadError::Submit(error) => Self::of_submit(error, now),
        }
    }
}

impl From<&StorageError> for Problem {
    fn from(error: &StorageError) -> Self {
        internal(error);
        if error.is_outage() { Self::Busy } else { Self::Internal }
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        (&error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, Kind { code, title, .. }, detail) = self.told();
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
        if let Self::Refused { refusal: Refusal::RateLimited { requests, window_seconds, until }, now } = &self {
            for (name, text) in rate::spent(*requests, *window_seconds, *until, *now) {
                set(name, text);
            }
        }
        response
    }
}
