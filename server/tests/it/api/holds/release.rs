//! `POST /tokens/holds/{id}/release`.

use insta::assert_snapshot;

use crate::api::client::with_api;

const QUESTS: &str = r#"{"feature":"quest_generation"}"#;

#[test]
fn a_release_returns_all_held_tokens_and_keeps_its_reason() {
    with_api(async |server, api, org| {
        let opened = api.post("/tokens/holds", "job-1", QUESTS).await.field("/hold_id");
        let released = api.post(&format!("/tokens/holds/{opened}/release"), "end-1", r#"{"reason":"No answer"}"#).await;
        assert_snapshot!(released.snapshot(), @r#"
        200
        content-type: application/json
        {
          "amount": 0,
          "balance": {
            "available": 200,
            "held": 0,
            "settled": 200,
            "token_type": "ai"
          },
          "hold_id": "00000000-0000-8000-8000-000000000004",
          "returned": 5,
          "state": "released",
          "token_type": "ai",
          "transaction_id": "00000000-0000-8000-8000-000000000005"
        }
        "#);
        let shown = api.get(&format!("/tokens/holds/{opened}")).await;
        assert_eq!((shown.field("/state"), shown.field("/reason")), ("released".into(), "No answer".into()));
        assert_eq!(server.available(org, "ai").await, 200);
    });
}
