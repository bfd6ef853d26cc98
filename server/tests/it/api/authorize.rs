//! Authentication and authorization: API keys and browser sessions.

use brightmeter::{
    access::api_key::{Scope, Secret},
    ids::ApiKeyId,
};
use chrono::TimeDelta;
use insta::assert_snapshot;
use server::{clock::Clock, service::api_keys::NewKey};

use super::client::{Api, with_api};

const PING: &str = r#"{"feature":"ping"}"#;
const READS: [&str; 5] =
    ["/tokens/check-balance?feature=ping", "/tokens/stats", "/tokens/ledger", "/license", "/catalog"];

async fn spend(api: &Api, key: &str) -> (u16, String) {
    let reply = api.post("/tokens/deduct", key, PING).await;
    if reply.status == 200 { (200, String::new()) } else { reply.problem() }
}

#[test]
fn every_route_requires_a_valid_api_key() {
    with_api(async |_, api, _| {
        assert_snapshot!(api.with_bearer(None).get("/license").await.snapshot(), @r#"
        401
        content-type: application/problem+json
        www-authenticate: Bearer realm="brightmeter"
        {
          "code": "credential_invalid",
          "detail": "Send an API key: Authorization: Bearer bm_…",
          "request_id": "the-request",
          "status": 401,
          "title": "Missing or invalid credential",
          "type": "/api/docs#credential_invalid"
        }
        "#);
        let unknown = Secret::new(true, "0123456789abcdefghijABCDEFGHIJ").unwrap();
        for secret in ["", "bm_live_", "bm_live_0123456789abcdefghijABCDEFGHIJ000000", unknown.reveal(), "Ümlaut"] {
            let unauthorized = api.with_bearer(Some(secret));
            for path in READS {
                assert_eq!(
                    unauthorized.get(path).await.problem(),
                    (401, "credential_invalid".into()),
                    "{secret}: {path}"
                );
            }
            assert_eq!(spend(&unauthorized, "ping-1").await, (401, "credential_invalid".into()), "{secret}");
        }
    });
}

#[test]
fn a_revoked_api_key_is_rejected_immediately_on_every_replica() {
    with_api(async |server, api, org| {
        let (id, secret) = server.key(org, Scope::Spend).await;
        let api = api.with_secret(&secret);
        assert_eq!(spend(&api, "ping-1").await.0, 200, "the server has cached the API key");
        assert!(server.api_keys.revoke(org, id).await.unwrap());
        assert_eq!(spend(&api, "ping-2").await, (401, "credential_invalid".into()));
        assert_eq!(spend(&api, "ping-1").await, (401, "credential_invalid".into()), "not even a replay");
        for path in READS {
            assert_eq!(api.get(path).await.problem().0, 401, "{path}");
        }
        assert_eq!(server.available(org, "ai").await, 199);
    });
}

#[test]
fn an_api_key_expires() {
    with_api(async |server, api, org| {
        let expires_at = Some(server.clock.now() + TimeDelta::seconds(60));
        let id = ApiKeyId(server.clock.new_id());
        let new = NewKey { id, name: "for a minute", scope: Scope::Spend, expires_at, maker: None };
        let (_, secret) = server.api_keys.create(org, new).await.unwrap();
        let api = api.with_secret(&secret);
        server.advance(59);
        assert_eq!(spend(&api, "ping-1").await.0, 200);
        server.advance(1);
        assert_eq!(spend(&api, "ping-2").await, (401, "credential_invalid".into()));
        assert_eq!(api.get("/license").await.problem().0, 401);
    });
}

#[test]
fn an_api_key_with_the_read_scope_moves_no_tokens() {
    with_api(async |server, api, org| {
        let (_, secret) = server.key(org, Scope::Read).await;
        let reader = api.with_secret(&secret);
        for path in READS {
            assert_eq!(reader.get(path).await.status, 200, "{path}");
        }
        let hold = api.post("/tokens/holds", "job-1", PING).await.field("/hold_id");
        let spent = api.post("/tokens/deduct", "ping-0", PING).await.field("/transaction_id");
        let refund = format!(r#"{{"transaction_id":"{spent}","reason":"x"}}"#);
        for (path, body) in [
            ("/tokens/deduct".into(), PING),
            ("/tokens/holds".into(), PING),
            ("/tokens/refunds".into(), refund.as_str()),
            (format!("/tokens/holds/{hold}/capture"), "{}"),
            (format!("/tokens/holds/{hold}/release"), "{}"),
        ] {
            assert_eq!(reader.post(&path, "mine", body).await.problem(), (403, "scope_missing".into()), "{path}");
        }
        let (_, secret) = server.key(org, Scope::Manage).await;
        assert_eq!(spend(&api.with_secret(&secret), "ping-1").await.0, 200, "the scope manage includes spend");
    });
}

#[test]
fn the_last_use_of_an_api_key_is_recorded() {
    with_api(async |server, api, _| {
        api.get("/license").await;
        crate::support::waiting::until("the use is recorded", async || {
            server.query_value::<bool>("select last_used_at is not null from api_keys").await
        })
        .await;
    });
}

#[test]
fn a_member_in_a_browser_session_acts_only_for_themselves() {
    with_api(async |server, api, org| {
        let member = server.member(org, "robin@bright-audio.test").await;
        let site = crate::http::browser::Site::new(server, false);
        let browser = site.signed_in("robin@bright-audio.test").await;
        let cookie = browser.cookie.clone().unwrap();
        let call = |body: String, key: &str| {
            let request = axum::http::Request::post("/api/v1/tokens/deduct").header("cookie", &cookie);
            let request = request.header("idempotency-key", key).header("content-type", "application/json");
            (request.header("sec-fetch-site", "same-origin"), axum::body::Body::from(body))
        };
        let without_api_key = api.with_bearer(None);
        let (request, body) = call(r#"{"feature":"ping"}"#.into(), "ping-1");
        assert_eq!(without_api_key.send(request, body).await.status, 200);
        let entry = server.log(org).await.pop().unwrap().0;
        assert_eq!(entry.member, Some(member));
        let other = r#"{"feature":"ping","member":"00000000-0000-7000-8000-00000000beef"}"#;
        let (request, body) = call(other.into(), "ping-2");
        assert_eq!(without_api_key.send(request, body).await.problem(), (422, "invalid_field".into()));
        let spent = entry.transaction;
        let refund = format!(r#"{{"transaction_id":"{spent}","reason":"x"}}"#);
        let (request, body) = call(refund, "refund-1");
        let reply = without_api_key.send(request.uri("/api/v1/tokens/refunds"), body).await;
        assert_eq!(reply.problem(), (403, "scope_missing".into()), "a member may not refund");
        let (request, body) = call(r#"{"feature":"ping"}"#.into(), "ping-3");
        let request = request.header("origin", "https://evil.example");
        let mut request = request;
        request.headers_mut().unwrap().insert("sec-fetch-site", "cross-site".parse().unwrap());
        assert_eq!(without_api_key.send(request, body).await.status, 403, "from another site");
    });
}
