//! `POST /stripe/webhook`: events are verified, stored once and never lost.

use axum::{body::Body, http::Request};
use brightmeter::time::Instant;
use chrono::TimeDelta;
use insta::assert_snapshot;
use server::{clock::Clock, stripe::signature::WebhookSecret};

use super::client::{Api, Reply, with_api};
use crate::{http::browser::WEBHOOK_SECRET, support::TestServer};

fn secret() -> WebhookSecret {
    WebhookSecret::new(WEBHOOK_SECRET.into())
}

async fn send(api: &Api, signature: &str, body: &[u8]) -> Reply {
    let request = Request::post("/api/v1/stripe/webhook").header("stripe-signature", signature);
    api.with_bearer(None).send(request.header("content-type", "application/json"), Body::from(body.to_vec())).await
}

/// Sends `body` with a valid signature.
async fn deliver(server: &TestServer, api: &Api, body: &[u8]) -> Reply {
    send(api, &secret().sign(body, server.clock.now()), body).await
}

async fn count_stored(server: &TestServer) -> i64 {
    server.query_value("select count(*) from stripe_events").await
}

/// Events of many kinds, API versions and shapes, malformed ones included.
fn events() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stripe-events");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut events: Vec<_> =
        files.map(|path| (path.file_name().unwrap().to_string_lossy().into(), std::fs::read(path).unwrap())).collect();
    events.sort();
    events
}

#[test]
fn every_event_is_stored_unchanged_and_once() {
    with_api(async |server, api, _| {
        let events = events();
        assert_eq!(events.len(), 17);
        for (name, body) in events.iter().chain(&events) {
            let reply = deliver(server, api, body).await;
            assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, r#"{"received":true}"#), "{name}");
        }
        let kinds: Vec<String> = server
            .query_value("select array_agg(concat_ws(' ', kind, api_version) order by id) from stripe_events")
            .await;
        assert_snapshot!(kinds.join("\n"), @"
        checkout.session.completed 2026-09-30.endive
        checkout.session.async_payment_succeeded 2026-09-30.endive
        charge.refunded 2026-09-30.endive
        charge.dispute.created 2026-09-30.endive
        invoice.paid 2026-09-30.endive
        invoice.payment_failed 2026-09-30.endive
        customer.subscription.updated 2026-09-30.endive
        customer.subscription.deleted 2026-09-30.endive
        refund.created 2026-09-30.endive
        checkout.session.completed 2020-08-27
        totally.new_event 2026-09-30.endive
        checkout.session.completed 2026-09-30.endive
        checkout.session.completed 2026-09-30.endive
        checkout.session.completed 2026-09-30.endive
        customer.subscription.updated 2024-06-20
        invoice.paid 2027-01-01.future
        charge.refunded 2026-09-30.endive
        ");
        for (name, body) in &events {
            let id = serde_json::from_slice::<serde_json::Value>(body).unwrap()["id"].as_str().unwrap().to_owned();
            let payload: String =
                server.query_value(format!("select payload from stripe_events where id = '{id}'")).await;
            assert_eq!(payload.as_bytes(), body, "{name}");
        }
    });
}

#[test]
fn every_signed_body_is_stored_even_if_malformed() {
    with_api(async |server, api, _| {
        for body in ["{}", "[]", "null", "no JSON", r#"{"id":7}"#, r#"{"id":"evt_1","created":"today","type":null}"#] {
            assert_eq!(deliver(server, api, body.as_bytes()).await.status, 200, "{body}");
            assert_eq!(deliver(server, api, body.as_bytes()).await.status, 200, "{body}");
        }
        assert_eq!(count_stored(server).await, 6);
        assert_eq!(deliver(server, api, br#"{"id":"evt_\u0000","type":"\u0000"}"#).await.status, 200);
        for body in [b"\0".as_slice(), b"\xff"] {
            assert_eq!(deliver(server, api, body).await.problem(), (400, "malformed".into()));
        }
        let large = format!(r#"{{"id":"evt_large","filler":"{}"}}"#, "x".repeat(900_000));
        assert_eq!(deliver(server, api, large.as_bytes()).await.status, 200);
    });
}

#[test]
fn an_event_without_a_valid_signature_is_refused_and_not_stored() {
    with_api(async |server, api, _| {
        let (body, now): (&[u8], Instant) =
            (br#"{"id":"evt_1","type":"checkout.session.completed"}"#, server.clock.now());
        assert_snapshot!(send(api, "t=1,v1=00", body).await.snapshot(), @r#"
        400
        content-type: application/problem+json
        {
          "code": "signature_invalid",
          "detail": "The signature can't be verified: no signature matches this body under this endpoint's secret.",
          "request_id": "the-request",
          "status": 400,
          "title": "Invalid Stripe signature",
          "type": "/api/docs#signature_invalid"
        }
        "#);
        let old = secret().sign(body, now - TimeDelta::minutes(6));
        let ahead = secret().sign(body, now + TimeDelta::minutes(6));
        let other = WebhookSecret::new("whsec_other".into()).sign(body, now);
        for signature in ["", "v1=00", &old, &ahead, &other] {
            assert_eq!(send(api, signature, body).await.problem(), (400, "signature_invalid".into()), "{signature}");
        }
        let unsigned = Request::post("/api/v1/stripe/webhook");
        assert_eq!(api.with_bearer(None).send(unsigned, Body::from(body.to_vec())).await.problem().0, 400);
        let huge = vec![b'x'; 1 << 21];
        assert_eq!(deliver(server, api, &huge).await.problem(), (413, "too_large".into()));
        assert_eq!(count_stored(server).await, 0);
    });
}

#[test]
fn without_a_database_the_webhook_responds_busy_so_that_stripe_retries() {
    crate::support::with_tampered_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let api = Api::new(server, org).await;
        server.pools.close().await;
        assert_eq!(deliver(server, &api, br#"{"id":"evt_1"}"#).await.problem(), (503, "busy".into()));
    });
}
