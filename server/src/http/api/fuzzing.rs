//! The properties of the parsers of request bodies, query parameters, cursors and the `Accept` header. See
//! [`crate::fuzzing`].

use std::{collections::BTreeMap, fmt::Debug};

use axum::http::{HeaderMap, HeaderValue, header::ACCEPT};
use brightmeter::command::Metadata;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, value::RawValue};

use super::{
    check_balance::CheckQuery,
    deduct::Deduct,
    extract::{NoParameters, parse_body, parse_query},
    holds::{capture::Capture, open::OpenHold, release::Release},
    ledger::{LedgerQuery, filter, prefers_csv},
    refunds::Refund,
    stats::StatsQuery,
    strict_json::MAX_DEPTH,
};
use crate::{
    http::problem::{FieldProblem, Problem},
    service::org_reads::Filter,
    storage::stripe_events::Cursor,
};

/// The longest text of an error, in bytes.
const MAX_ERROR_BYTES: usize = 3_000;

/// A body that a route accepts is an object of limited depth in which each name occurs once. Written again, it is the same.
pub fn body(input: &[u8]) {
    let free = parse_body::<Map<String, Value>>(input);
    // serde_json replaces objects with a reserved name, so they can't be read in another way.
    let is_reserved = |fields: &[FieldProblem]| fields[0].message.starts_with("reserved field");
    if !matches!(&free, Err(Problem::Invalid(fields)) if is_reserved(fields)) {
        assert_eq!(free.as_ref().ok(), strict_object(input).as_ref());
    }
    let object = free.ok();
    if let Some(object) = &object {
        check_numbers(input, object);
        let text = Value::Object(object.clone()).to_string();
        if let Ok(metadata) = Metadata::try_from(text) {
            assert_eq!(serde_json::from_str(metadata.as_str()).as_ref().ok(), Some(object));
        }
    }
    check_body::<Deduct>(input, object.as_ref());
    check_body::<OpenHold>(input, object.as_ref());
    check_body::<Capture>(input, object.as_ref());
    check_body::<Release>(input, object.as_ref());
    check_body::<Refund>(input, object.as_ref());
}

/// A number of the body is the nearest one that 64 bits can hold.
fn check_numbers(input: &[u8], object: &Map<String, Value>) {
    let texts: BTreeMap<String, &RawValue> = serde_json::from_slice(input).unwrap_or_default();
    for (name, text) in texts {
        if let Some(number) = object[&name].as_f64() {
            assert_eq!(text.get().parse(), Ok(number), "{text}");
        }
    }
}

fn check_body<T: DeserializeOwned + Debug>(input: &[u8], object: Option<&Map<String, Value>>) {
    match parse_body::<T>(input) {
        Ok(body) => {
            let text = object.map(|object| Value::Object(object.clone()).to_string()).unwrap_or_default();
            assert_eq!(format!("{:?}", parse_body::<T>(text.as_bytes())), format!("Ok({body:?})"));
        }
        Err(problem) => check_problem(&problem),
    }
}

/// Reads a body as [`parse_body`] must, but in another way: it counts the members in the text, and those that are left in the
/// value.
fn strict_object(input: &[u8]) -> Option<Map<String, Value>> {
    let value: Value = serde_json::from_slice(input).ok()?;
    let (mut members, mut depth, mut deepest) = (0, 0, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in input {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b':' => members += 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    let Value::Object(object) = value else { return None };
    (object_members(&object) == members && deepest <= MAX_DEPTH).then_some(object)
}

fn object_members(object: &Map<String, Value>) -> usize {
    object.len() + object.values().map(members).sum::<usize>()
}

fn members(value: &Value) -> usize {
    match value {
        Value::Object(object) => object_members(object),
        Value::Array(items) => items.iter().map(members).sum(),
        _ => 0,
    }
}

/// A query that a route accepts has each parameter once. Written again, it is the same; so is a filter.
pub fn query(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    check_query::<CheckQuery>(text);
    check_query::<StatsQuery>(text);
    check_query::<LedgerQuery>(text);
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(text).unwrap_or_default();
    assert_eq!(parse_query::<NoParameters>(text).is_ok(), pairs.is_empty());
    match parse_query(text).and_then(|query| filter(&query)) {
        Ok(filter) => assert_eq!(format!("{:?}", filter_of(&written(&filter))), format!("Ok({filter:?})")),
        Err(problem) => check_problem(&problem),
    }
}

fn check_query<T: DeserializeOwned + Debug>(text: &str) {
    match parse_query::<T>(text) {
        Ok(query) => {
            let mut pairs: Vec<(String, String)> = serde_urlencoded::from_str(text).unwrap_or_default();
            let again = serde_urlencoded::to_string(&pairs).unwrap_or_default();
            assert_eq!(format!("{:?}", parse_query::<T>(&again)), format!("Ok({query:?})"));
            let count = pairs.len();
            pairs.sort();
            pairs.dedup_by(|a, b| a.0 == b.0);
            assert_eq!(pairs.len(), count, "{text}");
        }
        Err(problem) => check_problem(&problem),
    }
}

fn filter_of(query: &str) -> Result<Filter, Problem> {
    filter(&parse_query::<LedgerQuery>(query)?)
}

/// The query string of a filter.
fn written(filter: &Filter) -> String {
    let fields = [
        ("cursor", filter.before_seq.map(|seq| seq.to_string())),
        ("token_type", filter.token_type.as_ref().map(ToString::to_string)),
        ("feature", filter.feature.as_ref().map(ToString::to_string)),
        ("member", filter.member.map(|member| member.to_string())),
        ("from", filter.from.map(|at| at.to_rfc3339())),
        ("to", filter.until.map(|at| at.to_rfc3339())),
    ];
    let fields: Vec<(&str, String)> = fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    serde_urlencoded::to_string(fields).unwrap_or_default()
}

/// A cursor that is accepted is the same after it was written again.
pub fn cursor(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string().parse().ok(), Some(cursor));
    }
    let filter = |text: &str| filter_of(&serde_urlencoded::to_string([("cursor", text)]).unwrap_or_default());
    match filter(text) {
        Ok(found) => {
            let seq = found.before_seq.unwrap_or_default();
            assert!(seq >= 1);
            assert_eq!(filter(&seq.to_string()).ok().and_then(|again| again.before_seq), Some(seq));
        }
        Err(problem) => {
            check_problem(&problem);
            assert!(matches!(problem, Problem::Invalid(fields) if fields[0].field == "cursor"));
        }
    }
}

/// Only a client that accepts CSV gets it.
pub fn accept(input: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(input) else { return };
    let prefers_csv = prefers_csv(&HeaderMap::from_iter([(ACCEPT, value)]));
    let text = String::from_utf8_lossy(input).to_ascii_lowercase();
    assert!(!prefers_csv || text.contains("text/csv") || text.contains('*'), "{text}");
}

/// An error names a field or says why the text can't be read, and repeats little of it.
#[track_caller]
fn check_problem(problem: &Problem) {
    match problem {
        Problem::Malformed(detail) => assert!(!detail.is_empty() && detail.len() <= MAX_ERROR_BYTES, "{detail}"),
        Problem::Invalid(fields) => {
            assert!(!fields.is_empty());
            for field in fields {
                assert!(!field.field.is_empty() && !field.message.is_empty());
                assert!(field.field.len() + field.message.len() <= MAX_ERROR_BYTES, "{field:?}");
            }
        }
        other => panic!("{other:?}"),
    }
}
