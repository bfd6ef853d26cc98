//! The OpenAPI document and `/api/docs`.

use axum::{body::Body, http::Request};
use serde_json::Value;

use super::client::with_api;

/// The codes of refusals that no request can meet: nothing produces the first three yet, and no route submits the
/// commands that the others refuse.
const UNDOCUMENTED_CODES: [&str; 9] = [
    "account_closed",
    "blocked",
    "quota_reached",
    "purchase_not_found",
    "plan_unchanged",
    "already_suspended",
    "not_suspended",
    "unknown_plan",
    "unknown_token_type",
];

#[test]
fn the_document_is_public_and_every_route_in_it_exists() {
    with_api(async |_, api, _| {
        let without_api_key = api.with_bearer(None);
        let document = without_api_key.send(Request::get("/api/openapi.json"), Body::empty()).await;
        assert_eq!(document.status, 200);
        let document = document.json();
        assert_eq!(document["openapi"], "3.1.0");
        let mut calls = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, call) in item.as_object().unwrap() {
                calls.push(format!("{} {path}", method.to_uppercase()));
                let responses = call["responses"].as_object().unwrap();
                assert!(responses.contains_key("401"), "{method} {path}");
                assert!(call["operationId"].is_string() && call["summary"].is_string(), "{method} {path}");
                let address = format!("/api/v1{path}").replace("{id}", "00000000-0000-7000-8000-00000000beef");
                let request = Request::builder().method(method.to_uppercase().as_str()).uri(address);
                let reply = without_api_key.send(request, Body::empty()).await;
                assert_eq!(reply.problem(), (401, "credential_invalid".into()), "{method} {path}");
            }
        }
        insta::assert_snapshot!(calls.join("\n"), @"
        GET /catalog
        GET /license
        GET /tokens/check-balance
        POST /tokens/deduct
        POST /tokens/holds
        GET /tokens/holds/{id}
        POST /tokens/holds/{id}/capture
        POST /tokens/holds/{id}/release
        GET /tokens/ledger
        POST /tokens/refunds
        GET /tokens/stats
        GET /tokens/stream
        ");
    });
}

#[test]
fn the_document_promises_no_problem_that_cannot_occur() {
    let document = serde_json::to_string(&server::http::api::document()).unwrap();
    for word in UNDOCUMENTED_CODES.into_iter().chain(["quota", "block"]) {
        assert!(!document.contains(word), "{word}");
    }
}

#[test]
fn the_document_allows_only_captures_of_at_least_one_token() {
    let document = serde_json::to_value(server::http::api::document()).unwrap();
    assert_eq!(document["components"]["schemas"]["Capture"]["properties"]["amount"]["minimum"], 1);
}

#[test]
fn every_reference_in_the_document_resolves() {
    let document = serde_json::to_value(server::http::api::document()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut stack = vec![&document];
    while let Some(value) = stack.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    let name = to.strip_prefix("#/components/schemas/").unwrap();
                    assert!(schemas.contains_key(name), "{to} is missing");
                }
                stack.extend(fields.values());
            }
            Value::Array(items) => stack.extend(items),
            _ => {}
        }
    }
}

#[test]
fn the_docs_page_lists_every_route_and_the_kinds_of_problems() {
    crate::http::browser::with_site(async |_, site| {
        let page = site.browser().get("/api/docs").await;
        assert_eq!(page.status, 200);
        let document = serde_json::to_value(server::http::api::document()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, call) in item.as_object().unwrap() {
                let id = call["operationId"].as_str().unwrap();
                assert!(page.body.contains(&format!("id=\"{id}\"")), "{id}");
                let line = format!("{} /api/v1{path}", method.to_uppercase());
                assert!(page.text().contains(&line), "{line}: {}", page.text());
            }
        }
        for code in ["insufficient_tokens", "key_reused", "hold_closed", "scope_missing", "busy"] {
            assert!(page.body.contains(&format!("id=\"{code}\"")), "{code}");
        }
        for code in UNDOCUMENTED_CODES {
            assert!(!page.body.contains(&format!("id=\"{code}\"")), "{code}");
        }
    });
}
