//! What a request brings, parsed: each extractor says at which field it failed.

use std::str::FromStr;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request, rejection::BytesRejection},
    http::{StatusCode, header::CONTENT_TYPE, request::Parts},
    response::IntoResponse,
};
use brightmeter::{idempotency_key::IdempotencyKey, ids::HoldId};
use serde::de::DeserializeOwned;

use super::{
    MAX_BODY_BYTES,
    problem::{FieldProblem, Problem},
};
use crate::http::AppState;

/// A JSON object. Nothing sent stands for an empty one.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let json = request.headers().get(CONTENT_TYPE).map(|kind| {
            let kind =
                kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
        });
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unread(rejection, MAX_BODY_BYTES))?;
        match (bytes.is_empty(), json) {
            (true, _) => parse(b"{}").map(Self),
            (false, Some(true)) => parse(&bytes).map(Self),
            (false, _) => Err(Problem::MediaType),
        }
    }
}

/// Why a body of at most `limit` bytes could not be read.
pub(in crate::http) fn unread(rejection: BytesRejection, limit: usize) -> Problem {
    match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge(limit),
        _ => Problem::Malformed("The body could not be read.".into()),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut source = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut source).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if error.is_data() { Problem::Invalid(vec![data_problem(&path, &error.to_string())]) } else { syntax(&error) }
    })?;
    source.end().map_err(|error| syntax(&error))?;
    Ok(parsed)
}

fn syntax(error: &serde_json::Error) -> Problem {
    Problem::Malformed(format!("The body is no JSON: {error}."))
}

/// serde names a field that is missing or unknown in its message only.
fn data_problem(path: &str, message: &str) -> FieldProblem {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let named = ["unknown field `", "missing field `", "duplicate field `"].iter().find_map(|start| {
        let name = message.strip_prefix(start)?.split('`').next()?;
        Some(if path == "." || path == name { name.to_owned() } else { format!("{path}.{name}") })
    });
    let field = named.unwrap_or_else(|| if path == "." { "body".into() } else { path.into() });
    FieldProblem { field, message: message.into() }
}

/// The parameters after the `?`, all of them known ones.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let parsed = serde_urlencoded::from_str(query);
        parsed.map(Self).map_err(|error| Problem::Invalid(vec![data_problem(".", &error.to_string())]))
    }
}

/// Reads a parameter.
///
/// # Errors
/// [`Problem::Invalid`] with the parameter and `wanted`.
pub(super) fn parameter<T: FromStr>(name: &str, value: Option<&str>, wanted: &str) -> Result<Option<T>, Problem> {
    value.map(|value| value.parse().map_err(|_| Problem::on(name, wanted))).transpose()
}

/// The hold that the address names. What is no id names none.
pub(super) struct HoldPath(pub(super) HoldId);

impl FromRequestParts<AppState> for HoldPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let id = Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::NotFound)?;
        id.parse().map(Self).map_err(|_| Problem::NotFound)
    }
}

/// The `Idempotency-Key`: the caller's name for this request, so that a repeat of it changes nothing.
pub(super) struct Key(pub(super) IdempotencyKey);

impl FromRequestParts<AppState> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        let mut headers = parts.headers.get_all("idempotency-key").iter();
        let missing =
            "Send the header Idempotency-Key, such as a new UUID: then the request can be repeated without harm.";
        let header = headers.next().ok_or(Problem::NoIdempotencyKey(missing))?;
        let wrong =
            Problem::NoIdempotencyKey("An Idempotency-Key has 1 to 255 visible ASCII characters, and is sent once.");
        match (header.to_str().ok().and_then(|text| text.parse().ok()), headers.next()) {
            (Some(key), None) => Ok(Self(key)),
            _ => Err(wrong),
        }
    }
}
