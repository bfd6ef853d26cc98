//! `POST /tokens/holds`.

use insta::assert_snapshot;

use crate::api::client::with_api;

#[test]
fn opening_a_hold_reserves_the_cost_of_the_feature() {
    with_api(async |_, api, _| {
        let opened = api.post("/tokens/holds", "job-1", r#"{"feature":"lead_generation","ttl_seconds":60}"#).await;
        assert_snapshot!(opened.snapshot(), @r#"
        201
        content-type: application/json
        {
          "amount": 10,
          "balance": {
            "available": 190,
            "held": 10,
            "settled": 200,
            "token_type": "ai"
          },
          "expires_at": "2026-03-10T09:01:00Z",
          "hold_id": "00000000-0000-8000-8000-000000000004",
          "token_type": "ai",
          "transaction_id": "00000000-0000-8000-8000-000000000004"
        }
        "#);
    });
}
