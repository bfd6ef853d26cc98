//! Extractors and parsers of request parts. Their errors name the invalid field.

use std::str::FromStr;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{header::CONTENT_TYPE, request::Parts},
};
use brightmeter::{idempotency_key::IdempotencyKey, ids::MemberId, reason::Reason};
use serde::{Deserialize, de::DeserializeOwned};

use super::strict_json::Strict;
use crate::http::{
    problem::{FieldProblem, Problem},
    state::AppState,
};

/// The largest request body, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;
/// The longest path or message of an error, in characters.
const MAX_ERROR_CHARS: usize = 300;

/// A JSON object, read as [`Strict`] does. An empty body counts as an empty object.
pub(in crate::http) struct Body<T>(pub(in crate::http) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let is_json = request.headers().get(CONTENT_TYPE).map(|media_type| {
            let media_type = media_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            let media_type = media_type.trim().to_ascii_lowercase();
            media_type == "application/json"
                || (media_type.starts_with("application/") && media_type.ends_with("+json"))
        });
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|rejection| Problem::of_body(rejection, MAX_BODY_BYTES))?;
        match (bytes.is_empty(), is_json) {
            (true, _) => parse_body(b"{}").map(Self),
            (false, Some(true)) => parse_body(&bytes).map(Self),
            (false, _) => Err(Problem::MediaType),
        }
    }
}

/// Parses a body.
///
/// # Errors
/// [`Problem::Invalid`] with the invalid field, [`Problem::Malformed`] if it isn't JSON.
pub(super) fn parse_body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut source = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(Strict::new(&mut source)).map_err(|error| {
        // Of a name that is refused itself, only the object around it is known.
        let path = error.path().to_string();
        let path = match path.strip_suffix('?').map(|path| path.trim_end_matches('.')) {
            Some("") => ".",
            Some(object) => object,
            None if path.is_empty() => ".",
            None => &path,
        };
        let error = error.into_inner();
        if error.is_data() {
            Problem::Invalid(vec![field_problem(path, "body", &error.to_string())])
        } else {
            syntax_problem(&error)
        }
    })?;
    source.end().map_err(|error| syntax_problem(&error))?;
    Ok(parsed)
}

fn syntax_problem(error: &serde_json::Error) -> Problem {
    Problem::Malformed(format!("The body isn't valid JSON: {error}."))
}

/// Converts an error of serde or [`Strict`]. They name a missing, unknown, duplicate or reserved field only in the message.
/// `whole` stands for a field without a name.
fn field_problem(path: &str, whole: &str, message: &str) -> FieldProblem {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let starts = ["unknown field `", "missing field `", "duplicate field `", "reserved field `"];
    let named = starts.iter().find_map(|start| {
        let name = message.strip_prefix(start)?.split('`').next().filter(|name| !name.is_empty())?;
        Some(if path == "." || path == name { name.to_owned() } else { format!("{path}.{name}") })
    });
    let field = named.unwrap_or_else(|| if path == "." { whole.into() } else { path.into() });
    FieldProblem { field: cut(&field), message: cut(message) }
}

/// Cuts a text that may repeat a long part of the request.
fn cut(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(MAX_ERROR_CHARS).collect();
    if chars.next().is_some() { start + "…" } else { start }
}

/// The query parameters. Unknown ones are errors.
pub(in crate::http) struct Query<T>(pub(in crate::http) T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        parse_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Parses the query of a URL.
///
/// # Errors
/// [`Problem::Invalid`] with the invalid parameter.
pub(super) fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let parsed = serde_urlencoded::from_str(query);
    parsed.map_err(|error| Problem::Invalid(vec![field_problem(".", "query", &error.to_string())]))
}

/// No query parameters: any is an error. Every route of the API takes this or [`Query`], so that a misspelled or misplaced
/// parameter, such as `dry_run` in the query of a POST, never passes unnoticed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NoParameters {}

/// Parses a query parameter.
///
/// # Errors
/// [`Problem::Invalid`] with the parameter's name and `message`.
pub(super) fn parameter<T: FromStr>(name: &str, value: Option<&str>, message: &str) -> Result<Option<T>, Problem> {
    value.map(|value| value.parse().map_err(|_| Problem::on(name, message))).transpose()
}

/// Parses the query parameter `member`.
///
/// # Errors
/// [`Problem::Invalid`] if it isn't a UUID.
pub(super) fn member_parameter(value: Option<&str>) -> Result<Option<MemberId>, Problem> {
    parameter("member", value, "a member id is a UUID")
}

/// Parses the body field `reason`.
///
/// # Errors
/// [`Problem::Invalid`] if it is empty, too long or not on one line.
pub(super) fn reason(text: &str) -> Result<String, Problem> {
    text.parse::<Reason>().map(String::from).map_err(|error| Problem::on("reason", error.to_string()))
}

/// The `Idempotency-Key` header.
pub(super) struct IdempotencyKeyHeader(pub(super) IdempotencyKey);

impl FromRequestParts<AppState> for IdempotencyKeyHeader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        let mut headers = parts.headers.get_all("idempotency-key").iter();
        let missing = "Send the Idempotency-Key header, such as a new UUID. It makes the request safe to repeat.";
        let header = headers.next().ok_or(Problem::NoIdempotencyKey(missing))?;
        let invalid = "An Idempotency-Key is 1 to 255 visible ASCII characters, in one header.";
        match (header.to_str().ok().and_then(|text| text.parse().ok()), headers.next()) {
            (Some(key), None) => Ok(Self(key)),
            _ => Err(Problem::NoIdempotencyKey(invalid)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields {
        #[serde(default)]
        metadata: Map<String, Value>,
    }

    fn problem(result: Result<Fields, Problem>) -> FieldProblem {
        match result {
            Err(Problem::Invalid(fields)) => fields.into_iter().next().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn numbers_of_metadata_keep_their_last_digit() {
        for number in ["0.9073038322028689", "1e-7", "8.41e21", "5e-324", "1.7976931348623157e308"] {
            let body: Fields = parse_body(format!(r#"{{"metadata":{{"n":{number}}}}}"#).as_bytes()).unwrap();
            assert_eq!(body.metadata["n"].as_f64(), number.parse().ok(), "{number}");
        }
        let body: Fields = parse_body(br#"{"metadata":{"n":0.9073038322028689}}"#).unwrap();
        assert_eq!(Value::Object(body.metadata).to_string(), r#"{"n":0.9073038322028689}"#);
    }

    #[test]
    fn a_name_that_serde_json_reserves_is_refused() {
        let body = br#"{"metadata":{"a":{"$serde_json::private::RawValue":"{\"b\":1,\"b\":2}"}}}"#;
        let problem = problem(parse_body(body));
        assert_eq!(problem.field, "metadata.a.$serde_json::private::RawValue");
        assert_eq!(problem.message, "reserved field `$serde_json::private::RawValue`");
    }

    #[test]
    fn a_field_whose_name_is_empty_stands_for_the_whole() {
        assert_eq!(problem(parse_body(br#"{"":1}"#)).field, "body");
        assert_eq!(problem(parse_query("=1")).field, "query");
    }

    #[test]
    fn an_error_repeats_only_the_start_of_a_long_name_or_value() {
        let long = "é".repeat(20_000);
        for body in [format!(r#"{{"{long}":1}}"#), format!(r#"{{"metadata":"{long}"}}"#)] {
            let problem = problem(parse_body(body.as_bytes()));
            assert!(problem.field.len() + problem.message.len() < 1_500, "{problem:?}");
        }
        let problem = problem(parse_query(&format!("{long}=1")));
        assert!(problem.field.ends_with("éé…") && problem.message.starts_with("unknown field `éé"), "{problem:?}");
    }
}
