//! An API key of another organization.

use brightmeter::access::api_key::Scope;

use super::client::with_api;

#[test]
fn ids_of_another_organization_do_not_exist_on_any_route() {
    with_api(async |server, api, org| {
        let spent = api.post("/tokens/deduct", "order-1", r#"{"feature":"ping"}"#).await.field("/transaction_id");
        let hold = api.post("/tokens/holds", "job-1", r#"{"feature":"ping"}"#).await.field("/hold_id");
        let member = server.member(org, "robin@bright-audio.test").await;
        let other = server.org("stagecraft", "pro").await;
        let (_, secret) = server.key(other, Scope::Manage).await;
        let foreign = api.with_secret(&secret);
        let check = format!("/tokens/check-balance?feature=ping&member={member}");
        for path in [format!("/tokens/holds/{hold}"), check] {
            assert_eq!(foreign.get(&path).await.problem().0, 404, "{path}");
            assert_eq!(api.get(&path).await.status, 200, "{path}");
        }
        let for_member = format!(r#"{{"feature":"ping","member":"{member}"}}"#);
        let refund = format!(r#"{{"transaction_id":"{spent}","reason":"x"}}"#);
        for (path, body) in [
            ("/tokens/deduct".into(), for_member.as_str()),
            ("/tokens/holds".into(), for_member.as_str()),
            ("/tokens/refunds".into(), refund.as_str()),
            (format!("/tokens/holds/{hold}/capture"), "{}"),
            (format!("/tokens/holds/{hold}/release"), "{}"),
        ] {
            assert_eq!(foreign.post(&path, "order-1", body).await.problem().0, 404, "{path}");
        }
        assert_eq!(
            foreign.get(&format!("/tokens/ledger?member={member}")).await.json()["items"],
            serde_json::json!([])
        );
        assert!(!foreign.get("/tokens/ledger").await.text.contains(&spent));
        assert_eq!(foreign.get("/tokens/stats").await.json()["totals"], serde_json::json!([]));
        assert_eq!((server.available(org, "ai").await, server.available(other, "ai").await), (198, 200));
    });
}
