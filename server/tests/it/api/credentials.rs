//! Who gets in.

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
fn without_a_key_that_holds_every_door_is_closed() {
    with_api(async |_, api, _| {
        assert_snapshot!(api.with_text(None).get("/license").await.told(), @r#"
        401
        content-type: application/problem+json
        www-authenticate: Bearer realm="brightmeter"
        {
          "code": "credential_invalid",
          "detail": "Send an API key: Authorization: Bearer bm_…",
          "request_id": "the-request",
          "status": 401,
          "title": "No valid credential",
          "type": "/api/docs#credential_invalid"
        }
        "#);
        let unknown = Secret::new(true, "0123456789abcdefghijABCDEFGHIJ").unwrap();
        for secret in ["", "bm_live_", "bm_live_0123456789abcdefghijABCDEFGHIJ000000", unknown.reveal(), "Ümlaut"] {
            let nobody = api.with_text(Some(secret));
            for path in READS {
                assert_eq!(nobody.get(path).await.problem(), (401, "credential_invalid".into()), "{secret}: {path}");
            }
            assert_eq!(spend(&nobody, "ping-1").await, (401, "credential_invalid".into()), "{secret}");
        }
    });
}

#[test]
fn a_revoked_key_opens_nothing_from_that_moment_on_on_every_replica() {
    with_api(async |server, api, org| {
        let (id, secret) = server.key(org, Scope::Spend).await;
        let api = api.with(&secret);
        assert_eq!(spend(&api, "ping-1").await.0, 200, "the server knows the key by now");
        assert!(server.api_keys.revoke(org, id).await.unwrap());
        assert_eq!(spend(&api, "ping-2").await, (401, "credential_invalid".into()));
        assert_eq!(spend(&api, "ping-1").await, (401, "credential_invalid".into()), "no replay either");
        for path in READS {
            assert_eq!(api.get(path).await.problem().0, 401, "{path}");
        }
        assert_eq!(server.available(org, "ai").await, 199);
    });
}

#[test]
fn a_key_ends_at_its_end() {
    with_api(async |server, api, org| {
        let expires_at = Some(server.clock.now() + TimeDelta::seconds(60));
        let id = ApiKeyId(server.clock.new_id());
        let new = NewKey { id, name: "for a minute", scope: Scope::Spend, expires_at, maker: None };
        let (_, secret) = server.api_keys.create(org, new).await.unwrap();
        let api = api.with(&secret);
        server.pass(59);
        assert_eq!(spend(&api, "ping-1").await.0, 200);
        server.pass(1);
        assert_eq!(spend(&api, "ping-2").await, (401, "credential_invalid".into()));
        assert_eq!(api.get("/license").await.problem().0, 401);
    });
}

#[test]
fn a_key_that_may_read_moves_nothing() {
    with_api(async |server, api, org| {
        let (_, secret) = server.key(org, Scope::Read).await;
        let reader = api.with(&secret);
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
        assert_eq!(spend(&api.with(&secret), "ping-1").await.0, 200, "whoever may do everything may spend");
    });
}

#[test]
fn the_last_use_of_a_key_is_noted() {
    with_api(async |server, api, _| {
        api.get("/license").await;
        crate::support::waiting::until("the use is noted", async || {
            server.ask::<bool>("select last_used_at is not null from api_keys").await
        })
        .await;
    });
}
