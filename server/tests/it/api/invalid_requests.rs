//! Invalid requests: always a client error that names the field.

use axum::{body::Body, http::Request};

use super::client::{Api, with_api};
use crate::support::with_tampered_server;

#[test]
fn an_invalid_body_is_refused_with_the_field_named() {
    with_api(async |server, api, org| {
        let deep = format!(
            "{}1{}",
            r#"{"feature":"ping","metadata":{"a":"#.to_owned() + &"[".repeat(200),
            "]".repeat(200) + "}}"
        );
        let long = format!(r#"{{"feature":"ping","metadata":{{"a":"{}"}}}}"#, "x".repeat(2_100));
        for (body, status, expected) in [
            ("", 422, "feature"),
            ("{", 400, "JSON"),
            ("[]", 422, "body"),
            ("null", 422, "body"),
            ("{\"feature\":\"ping\"} x", 400, "JSON"),
            (&deep, 422, "metadata"),
            (r#"{"feature":5}"#, 422, "feature"),
            (r#"{"feature":"Ping!"}"#, 422, "feature"),
            (r#"{"feature":"ping","feature":"ping"}"#, 422, "feature"),
            (r#"{"feature":"unheard_of"}"#, 422, "unheard_of"),
            (r#"{"feature":"ping","quantity":0}"#, 422, "quantity"),
            (r#"{"feature":"ping","quantity":-1}"#, 422, "quantity"),
            (r#"{"feature":"ping","quantity":10001}"#, 422, "quantity"),
            (r#"{"feature":"ping","quantity":1.5}"#, 422, "quantity"),
            (r#"{"feature":"ping","quantity":"1"}"#, 422, "quantity"),
            (r#"{"feature":"ping","quantity":1e400}"#, 400, "number"),
            (r#"{"feature":"ping","quantity":99999999999999999999999999}"#, 422, "quantity"),
            (r#"{"feature":"ping","member":"robin"}"#, 422, "member"),
            (r#"{"feature":"ping","metadata":[]}"#, 422, "metadata"),
            (&long, 422, "metadata"),
            (r#"{"feature":"ping","dry_run":"yes"}"#, 422, "dry_run"),
            (r#"{"feature":"ping","amount":5}"#, 422, "amount"),
        ] {
            let reply = api.post("/tokens/deduct", "order-1", body).await;
            assert_eq!(reply.problem().0, status, "{body}: {}", reply.text);
            assert!(reply.field("/detail").contains(expected), "{body}: {}", reply.text);
        }
        assert_eq!(server.available(org, "ai").await, 200);
    });
}

#[test]
fn a_body_by_position_or_with_null_does_nothing() {
    with_api(async |server, api, org| {
        let held = api.post("/tokens/holds", "hold-1", r#"{"feature":"quest_generation"}"#).await;
        let spent = api.post("/tokens/deduct", "spend-1", r#"{"feature":"ping"}"#).await;
        let (hold, spend) = (held.field("/hold_id"), spent.field("/transaction_id"));
        let before = server.log(org).await.len();
        let (capture, release) = (format!("/tokens/holds/{hold}/capture"), format!("/tokens/holds/{hold}/release"));
        let refund = |reason: &str| format!(r#"{{"transaction_id":"{spend}","reason":{reason}}}"#);
        let nested = format!(r#"{{"feature":"ping","metadata":{{"a":{}1{}}}}}"#, "[".repeat(40), "]".repeat(40));
        for (path, body, field) in [
            (&*capture, "[]", "body"),
            (&capture, "[3]", "body"),
            (&capture, "null", "body"),
            (&capture, "3", "body"),
            (&capture, r#"{"amount":null}"#, "amount"),
            (&capture, r#"{"amount":[3]}"#, "amount"),
            (&capture, r#"{"amount":3,"amount":2}"#, "amount"),
            (&capture, r#"{"amount":3,"all":true}"#, "all"),
            (&release, r#"["done"]"#, "body"),
            (&release, r#"{"reason":null}"#, "reason"),
            ("/tokens/deduct", r#"["quest_generation",2,null,null,false]"#, "body"),
            ("/tokens/deduct", r#"{"feature":"ping","quantity":null}"#, "quantity"),
            ("/tokens/deduct", r#"{"feature":"ping","member":null}"#, "member"),
            ("/tokens/deduct", r#"{"feature":"ping","metadata":null}"#, "metadata"),
            ("/tokens/deduct", r#"{"feature":"ping","dry_run":null}"#, "dry_run"),
            ("/tokens/deduct", r#"{"feature":null}"#, "feature"),
            ("/tokens/deduct", r#"{"feature":"ping","metadata":{"a":1,"b":{"c":1,"c":2}}}"#, "metadata.b.c"),
            ("/tokens/deduct", &nested, "metadata.a"),
            ("/tokens/holds", r#"["ping",1]"#, "body"),
            ("/tokens/holds", r#"{"feature":"ping","ttl_seconds":null}"#, "ttl_seconds"),
            ("/tokens/refunds", &format!(r#"["{spend}","x"]"#), "body"),
            ("/tokens/refunds", &refund("null"), "reason"),
            ("/tokens/refunds", &refund(r#"["x"]"#), "reason"),
        ] {
            let reply = api.post(path, "order-1", body).await;
            assert_eq!(reply.problem(), (422, "invalid_field".into()), "{path} {body}: {}", reply.text);
            assert!(reply.field("/errors/0/field").starts_with(field), "{path} {body}: {}", reply.text);
        }
        assert_eq!(server.log(org).await.len(), before, "nothing moved");

        // Metadata is the caller's own: null, arrays and some depth are fine there.
        let body = r#"{"feature":"ping","metadata":{"a":null,"b":[1,{"c":[null]}],"":0}}"#;
        assert_eq!(api.post("/tokens/deduct", "order-2", body).await.status, 200);
    });
}

#[test]
fn an_unreadable_request_is_refused() {
    with_api(async |_, api, _| {
        let post = || Request::post("/api/v1/tokens/deduct").header("idempotency-key", "order-1");
        let json = || post().header("content-type", "application/json");
        let utf8 = b"{\"feature\":\"\xff\"}".to_vec();
        for (request, body, status) in [
            (json(), Body::from(utf8), 400),
            (json(), Body::from("x".repeat(10 << 20)), 413),
            (post().header("content-type", "text/plain"), Body::from("{}"), 415),
            (post(), Body::from("{}"), 415),
            (Request::put("/api/v1/tokens/deduct"), Body::empty(), 405),
            (Request::get("/api/v1/tokens"), Body::empty(), 404),
        ] {
            let reply = api.send(request, body).await;
            assert_eq!(reply.problem().0, status, "{}", reply.text);
        }
    });
}

#[test]
fn every_post_requires_an_idempotency_key() {
    with_api(async |_, api, _| {
        let paths =
            ["deduct", "refunds", "holds", "holds/x/capture", "holds/00000000-0000-7000-8000-00000000beef/release"];
        for path in paths {
            let request = || Request::post(format!("/api/v1/tokens/{path}")).header("content-type", "application/json");
            let reply = api.send(request(), Body::from("{}")).await;
            let expected = if path.contains("/x/") { 404 } else { 400 };
            assert_eq!(reply.problem().0, expected, "{path}");
        }
        for key in ["", "two words", "ümlaut", &"x".repeat(256)] {
            let reply = api.post("/tokens/deduct", key, r#"{"feature":"ping"}"#).await;
            assert_eq!(reply.problem(), (400, "idempotency_key_missing".into()), "{key}");
        }
    });
}

#[test]
fn an_invalid_query_parameter_is_named() {
    with_api(async |_, api, _| {
        for (path, field) in [
            ("/tokens/check-balance?feature=ping&quantity=x", "quantity"),
            ("/tokens/check-balance?feature=ping&quantity=99999999999", "quantity"),
            ("/tokens/check-balance?feature=Ping", "feature"),
            ("/tokens/check-balance?feature=ping&member=me", "member"),
            ("/tokens/check-balance?feature=ping&colour=red", "colour"),
            ("/tokens/check-balance?feature=ping&feature=ping", "feature"),
            ("/tokens/check-balance?feature=", "feature"),
            ("/tokens/stats?to=", "to"),
            ("/tokens/stats?group_by=", "group_by"),
            ("/tokens/stats?from=yesterday", "from"),
            ("/tokens/stats?from=2026-03-02&to=2026-03-01", "from"),
            ("/tokens/stats?from=1999-01-01", "from"),
            ("/tokens/stats?group_by=plan", "group_by"),
            ("/tokens/ledger?limit=0", "limit"),
            ("/tokens/ledger?limit=201", "limit"),
            ("/tokens/ledger?cursor=last", "cursor"),
            ("/tokens/ledger?cursor=-1", "cursor"),
            ("/tokens/ledger?from=2026-03-02", "from"),
            ("/tokens/ledger?token_type=%00", "token_type"),
            ("/tokens/ledger?feature=ping%00", "feature"),
            ("/tokens/ledger?to=-262143-01-01T00:00:00Z", "to"),
            ("/tokens/ledger?from=%2B262142-12-31T23:59:59Z", "from"),
            ("/tokens/ledger?from=1969-12-31T23:59:59Z", "from"),
            ("/tokens/ledger?cursor=99999999999999999999", "cursor"),
            ("/tokens/stats?from=-5000-01-01", "from"),
            ("/tokens/stats?to=-5000-01-01", "to"),
            ("/tokens/stats?to=%2B99999-01-01", "to"),
            ("/tokens/stats?to=2200-01-01T00:00:00Z", "to"),
        ] {
            let reply = api.get(path).await;
            assert_eq!(reply.problem().0, 422, "{path}: {}", reply.text);
            assert_eq!(reply.field("/errors/0/field"), field, "{path}: {}", reply.text);
        }
    });
}

#[test]
fn every_route_names_an_unknown_query_parameter() {
    with_api(async |server, api, org| {
        let before = server.log(org).await.len();
        let document = serde_json::to_value(server::http::api::document()).unwrap();
        let mut routes = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            let path = path.replace("{id}", "00000000-0000-7000-8000-00000000beef");
            for method in item.as_object().unwrap().keys() {
                for query in ["colour=red", "Feature=ping", "%00=1"] {
                    let request = Request::builder().method(method.to_uppercase().as_str());
                    let request = request.uri(format!("/api/v1{path}?{query}")).header("idempotency-key", "order-1");
                    let reply = api.send(request.header("content-type", "application/json"), Body::empty()).await;
                    assert_eq!(reply.problem(), (422, "invalid_field".into()), "{method} {path}?{query}");
                    let name = query.split('=').next().unwrap().replace("%00", "\0");
                    assert_eq!(reply.field("/errors/0/field"), name, "{method} {path}: {}", reply.text);
                }
                routes += 1;
            }
        }
        assert_eq!(routes, 12);
        for query in ["dry_run=true", "feature=ping&dry_run=true", "quantity=2"] {
            let reply =
                api.post(&format!("/tokens/deduct?{query}"), "order-1", r#"{"feature":"quest_generation"}"#).await;
            assert_eq!(reply.problem(), (422, "invalid_field".into()), "{query}: {}", reply.text);
        }
        assert_eq!(server.log(org).await.len(), before, "nothing moved");
    });
}

#[test]
fn without_a_database_the_api_responds_busy() {
    with_tampered_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let api = Api::new(server, org).await;
        assert_eq!(api.get("/license").await.status, 200, "the server has cached the API key");
        server.pools.close().await;
        let reply = api.get("/license").await;
        assert_eq!((reply.problem(), reply.header("retry-after")), ((503, "busy".into()), Some("1")));
        let reply = api.post("/tokens/deduct", "order-1", r#"{"feature":"ping"}"#).await;
        assert_eq!((reply.problem(), reply.header("retry-after")), ((503, "busy".into()), Some("1")));
    });
}
