//! Every status of every route: the test provokes each one and compares them with the OpenAPI document.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    io,
    pin::pin,
};

use axum::{body::Body, http::Request};
use brightmeter::access::api_key::Scope;
use bytes::Bytes;
use futures::{future::join_all, poll, stream};
use insta::assert_snapshot;

use super::client::{Api, Reply};
use crate::support::{adjust, spend, with_server, with_tampered_server};

const PING: &str = r#"{"feature":"ping"}"#;
const UNKNOWN_ID: &str = "00000000-0000-7000-8000-00000000beef";

/// The problem codes that each route responded with, by status.
#[derive(Default)]
struct Seen {
    calls: BTreeMap<String, BTreeMap<u16, BTreeSet<String>>>,
    posts: u32,
}

impl Seen {
    fn add(&mut self, call: &str, reply: &Reply) {
        let status = reply.status.as_u16();
        let code = if reply.status.is_success() { String::new() } else { reply.problem().1 };
        self.calls.entry(call.into()).or_default().entry(status).or_default().insert(code);
    }

    /// Sends `body` with the next idempotency key.
    async fn post(&mut self, api: &Api, call: &str, body: &str) {
        self.post_to(api, call, call, body).await;
    }

    async fn post_to(&mut self, api: &Api, call: &str, path: &str, body: &str) {
        self.posts += 1;
        let key = format!("post-{}", self.posts);
        let reply = api.post(path, &key, body).await;
        self.add(call, &reply);
    }
}

/// Posts JSON without an idempotency key.
async fn without_idempotency_key(api: &Api, path: &str) -> Reply {
    let request = Request::post(format!("/api/v1{path}")).header("content-type", "application/json");
    api.send(request, Body::from("{}")).await
}

async fn as_text(api: &Api, path: &str) -> Reply {
    let request = Request::post(format!("/api/v1{path}")).header("content-type", "text/plain");
    api.send(request.header("idempotency-key", "text"), Body::from("{}")).await
}

#[test]
fn the_document_lists_every_status_of_every_route_and_no_other() {
    with_tampered_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let api = Api::new(server, org).await;
        let (_, reader) = server.key(org, Scope::Read).await;
        let (reader, without_api_key) = (api.with_secret(&reader), api.with_bearer(None));
        let member = server.member(org, "robin@bright-audio.test").await;
        let mut seen = Seen::default();

        // Capture and release: of an open hold, of an ended one and of an unknown one.
        let mut holds = Vec::new();
        for number in 0..4 {
            let reply = api.post("/tokens/holds", &format!("hold-{number}"), PING).await;
            holds.push(reply.field("/hold_id"));
            seen.add("/tokens/holds", &reply);
        }
        let spent = api.post("/tokens/deduct", "spend-1", PING).await;
        seen.add("/tokens/deduct", &spent);
        let refund = |transaction: &str| format!(r#"{{"transaction_id":"{transaction}","reason":"empty"}}"#);
        seen.post(&api, "/tokens/refunds", &refund(&spent.field("/transaction_id"))).await;
        seen.add(
            "/tokens/refunds",
            &api.post("/tokens/refunds", "again", &refund(&spent.field("/transaction_id"))).await,
        );
        seen.post(&api, "/tokens/refunds", &refund(UNKNOWN_ID)).await;
        for (number, end) in ["capture", "release"].into_iter().enumerate() {
            let (call, other) = (format!("/tokens/holds/{{id}}/{end}"), ["release", "capture"][number]);
            seen.post_to(&api, &call, &format!("/tokens/holds/{}/{end}", holds[number]), "{}").await;
            seen.post_to(
                &api,
                &format!("/tokens/holds/{{id}}/{other}"),
                &format!("/tokens/holds/{}/{other}", holds[number]),
                "{}",
            )
            .await;
            seen.post_to(&api, &call, &format!("/tokens/holds/{UNKNOWN_ID}/{end}"), "{}").await;
        }

        // The errors that every command has in common.
        let open = &holds[2];
        for call in [
            "/tokens/deduct",
            "/tokens/refunds",
            "/tokens/holds",
            "/tokens/holds/{id}/capture",
            "/tokens/holds/{id}/release",
        ] {
            let path = call.replace("{id}", open);
            seen.add(call, &without_idempotency_key(&api, &path).await);
            seen.add(call, &as_text(&api, &path).await);
            seen.post_to(&without_api_key, call, &path, PING).await;
            seen.post_to(&api, call, &path, r#"{"wrong":1}"#).await;
            seen.post_to(&api, call, &path, &format!(r#"{{"reason":"{}"}}"#, "x".repeat(70_000))).await;
            let good = match call {
                "/tokens/refunds" => refund(&spent.field("/transaction_id")),
                "/tokens/deduct" | "/tokens/holds" => PING.into(),
                _ => "{}".into(),
            };
            seen.post_to(&reader, call, &path, &good).await;
        }
        for call in ["/tokens/deduct", "/tokens/holds"] {
            seen.post(&api, call, r#"{"feature":"no_such_thing"}"#).await;
            seen.post(&api, call, &format!(r#"{{"feature":"ping","member":"{UNKNOWN_ID}"}}"#)).await;
            seen.post(&api, call, r#"{"feature":"ping","quantity":10000}"#).await;
            seen.add(call, &api.post(call, "spend-1", r#"{"feature":"ping","quantity":2}"#).await);
            let body = format!(r#"{{"feature":"ping","member":"{member}"}}"#);
            seen.add(call, &api.post(call, &format!("member-{call}"), &body).await);
            seen.add(call, &api.post(call, &format!("soon-{call}"), &body).await);
        }

        // A body that never comes.
        let calls = ["/tokens/deduct", "/tokens/refunds", "/tokens/holds", "capture", "release"];
        let late = calls.map(|call| {
            let path = if call.starts_with('/') { call.to_owned() } else { format!("/tokens/holds/{open}/{call}") };
            let api = api.clone();
            async move { api.post_body(&path, "late", Body::from_stream(stream::pending::<io::Result<Bytes>>())).await }
        });
        for (call, reply) in calls.into_iter().zip(join_all(late).await) {
            let call = if call.starts_with('/') { call.to_owned() } else { format!("/tokens/holds/{{id}}/{call}") };
            seen.add(&call, &reply);
        }

        // Routes that read.
        for (call, good, wrong, missing) in [
            ("/tokens/check-balance", "?feature=ping", "?feature=", "?feature=ping&member=UNKNOWN_ID"),
            ("/tokens/stats", "", "?from=yesterday", ""),
            ("/tokens/ledger", "", "?limit=0", ""),
            ("/license", "", "?all=1", ""),
            ("/catalog", "", "?all=1", ""),
        ] {
            for query in [good, wrong, missing] {
                seen.add(call, &api.get(&format!("{call}{}", query.replace("UNKNOWN_ID", UNKNOWN_ID))).await);
            }
            seen.add(call, &without_api_key.get(&format!("{call}{good}")).await);
        }
        let call = "/tokens/holds/{id}";
        for id in [open.as_str(), UNKNOWN_ID, &format!("{open}?all=1")] {
            seen.add(call, &api.get(&format!("/tokens/holds/{id}")).await);
        }
        seen.add(call, &without_api_key.get(&format!("/tokens/holds/{open}")).await);

        // Without a database.
        server.pools.close().await;
        for path in ["/tokens/check-balance?feature=ping", "/tokens/stats", "/tokens/ledger", "/license", "/catalog"] {
            seen.add(path.split('?').next().unwrap(), &api.get(path).await);
        }
        seen.add(call, &api.get(&format!("/tokens/holds/{open}")).await);
        for call in ["/tokens/deduct", "/tokens/holds"] {
            seen.post(&api, call, PING).await;
        }
        seen.post(&api, "/tokens/refunds", &refund(UNKNOWN_ID)).await;
        for end in ["capture", "release"] {
            seen.post_to(&api, &format!("/tokens/holds/{{id}}/{end}"), &format!("/tokens/holds/{open}/{end}"), "{}")
                .await;
        }

        let document = serde_json::to_value(server::http::api::document()).unwrap();
        let mut summary = String::new();
        for (call, item) in document["paths"].as_object().unwrap() {
            // The stream has its own tests. Before the first event, it has the same errors as the other reads.
            if call == "/tokens/stream" {
                continue;
            }
            // Each path of the document has one method, so statuses can be collected by path.
            let listed: BTreeSet<u16> = item
                .as_object()
                .unwrap()
                .values()
                .flat_map(|operation| {
                    operation["responses"].as_object().unwrap().keys().map(|status| status.parse().unwrap())
                })
                .collect();
            let seen_codes = seen.calls.get(call).cloned().unwrap_or_default();
            let _ = writeln!(summary, "{call}");
            for (status, codes) in &seen_codes {
                let codes: String =
                    codes.iter().filter(|code| !code.is_empty()).map(|code| format!(" {code}")).collect();
                let _ = writeln!(summary, "  {status}{codes}");
            }
            let seen_statuses: BTreeSet<u16> = seen_codes.into_keys().collect();
            assert_eq!(seen_statuses, listed, "{call}\n{summary}");
        }
        assert_snapshot!(summary, @"
        /catalog
          200
          401 credential_invalid
          422 invalid_field
          503 busy
        /license
          200
          401 credential_invalid
          422 invalid_field
          503 busy
        /tokens/check-balance
          200
          401 credential_invalid
          404 member_not_found
          422 invalid_field
          503 busy
        /tokens/deduct
          200
          400 idempotency_key_missing
          401 credential_invalid
          402 insufficient_tokens
          403 scope_missing
          404 member_not_found
          408 body_timeout
          413 too_large
          415 unsupported_media_type
          422 invalid_field key_reused unknown_feature
          429 too_frequent
          503 busy
        /tokens/holds
          201
          400 idempotency_key_missing
          401 credential_invalid
          402 insufficient_tokens
          403 scope_missing
          404 member_not_found
          408 body_timeout
          413 too_large
          415 unsupported_media_type
          422 invalid_field key_reused unknown_feature
          429 too_frequent
          503 busy
        /tokens/holds/{id}
          200
          401 credential_invalid
          404 not_found
          422 invalid_field
          503 busy
        /tokens/holds/{id}/capture
          200
          400 idempotency_key_missing
          401 credential_invalid
          403 scope_missing
          404 hold_not_found
          408 body_timeout
          409 hold_closed
          413 too_large
          415 unsupported_media_type
          422 invalid_field
          503 busy
        /tokens/holds/{id}/release
          200
          400 idempotency_key_missing
          401 credential_invalid
          403 scope_missing
          404 hold_not_found
          408 body_timeout
          409 hold_closed
          413 too_large
          415 unsupported_media_type
          422 invalid_field
          503 busy
        /tokens/ledger
          200
          401 credential_invalid
          422 invalid_field
          503 busy
        /tokens/refunds
          200
          400 idempotency_key_missing
          401 credential_invalid
          403 scope_missing
          404 spend_not_found
          408 body_timeout
          409 already_refunded
          413 too_large
          415 unsupported_media_type
          422 invalid_field
          503 busy
        /tokens/stats
          200
          401 credential_invalid
          422 invalid_field
          503 busy
        ");
    });
}

#[test]
fn a_full_queue_responds_busy_with_retry_after() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let api = Api::new(server, org).await;
        assert_eq!(api.post("/tokens/deduct", "first", PING).await.status, 200, "the server has cached the API key");
        let lock = server.lock(org).await;
        let mut waiting = pin!(join_all((0..3_000).map(|_| server.submit(org, spend("ping")))));
        assert!(poll!(waiting.as_mut()).is_pending());
        let reply = api.post("/tokens/deduct", "order-1", PING).await;
        assert_eq!((reply.problem(), reply.header("retry-after")), ((503, "busy".into()), Some("1")));
        lock.release().await;
        waiting.await;
        server.submit(org, adjust(10, "enough for one spend")).await.unwrap();
        let reply = api.post("/tokens/deduct", "order-1", PING).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("idempotent-replayed")),
            (200, None),
            "the refused request had no effect"
        );
    });
}
