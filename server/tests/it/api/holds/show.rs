//! `GET /tokens/holds/{id}`.

use insta::assert_snapshot;

use crate::api::client::with_api;

const QUESTS: &str = r#"{"feature":"quest_generation"}"#;

#[test]
fn a_hold_is_shown_as_it_was_opened() {
    with_api(async |_, api, _| {
        let opened = api.post("/tokens/holds", "job-1", r#"{"feature":"lead_generation","ttl_seconds":60}"#).await;
        let path = format!("/tokens/holds/{}", opened.field("/hold_id"));
        assert_snapshot!(api.get(&path).await.snapshot(), @r#"
        200
        content-type: application/json
        {
          "amount": 10,
          "captured": null,
          "ended_at": null,
          "expires_at": "2026-03-10T09:01:00Z",
          "feature": "lead_generation",
          "hold_id": "00000000-0000-8000-8000-000000000004",
          "opened_at": "2026-03-10T09:00:00Z",
          "reason": null,
          "state": "open",
          "token_type": "ai"
        }
        "#);
    });
}

#[test]
fn a_hold_that_is_neither_captured_nor_released_expires() {
    with_api(async |server, api, org| {
        let opened = api.post("/tokens/holds", "job-1", QUESTS).await.field("/hold_id");
        server.advance(901);
        assert_eq!(api.get(&format!("/tokens/holds/{opened}")).await.field("/state"), "expired");
        let too_late = api.post(&format!("/tokens/holds/{opened}/capture"), "end-1", "{}").await;
        assert_eq!(too_late.problem(), (409, "hold_closed".into()));
        assert_eq!(server.available(org, "ai").await, 200);
    });
}
