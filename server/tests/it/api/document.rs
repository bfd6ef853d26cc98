//! The OpenAPI document.

use axum::{body::Body, http::Request};
use serde_json::Value;

use super::client::with_api;

#[test]
fn the_document_is_public_and_every_call_in_it_is_there() {
    with_api(async |_, api, _| {
        let nobody = api.with_text(None);
        let document = nobody.send(Request::get("/api/openapi.json"), Body::empty()).await;
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
                let reply = nobody.send(request, Body::empty()).await;
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
fn every_answer_of_the_document_has_a_body_that_is_described() {
    let document = serde_json::to_value(server::http::api::document()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut stack = vec![&document];
    while let Some(value) = stack.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    let name = to.strip_prefix("#/components/schemas/").unwrap();
                    assert!(schemas.contains_key(name), "{to} leads nowhere");
                }
                stack.extend(fields.values());
            }
            Value::Array(items) => stack.extend(items),
            _ => {}
        }
    }
}

#[test]
fn the_page_about_the_api_lists_every_call_and_every_kind_of_problem() {
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
    });
}
