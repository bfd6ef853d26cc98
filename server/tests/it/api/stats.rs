//! `GET /tokens/stats`.

use insta::assert_snapshot;

use super::client::{spend, with_api};

#[test]
fn statistics_by_day_feature_and_member_equal_the_ledger() {
    with_api(async |server, api, org| {
        let member = server.member(org, "robin@bright-audio.test").await;
        spend(api, 1, "ping").await;
        server.advance(24 * 60 * 60);
        for (number, feature) in [(2, "quest_generation"), (3, "ping"), (4, "strategy_analysis")] {
            spend(api, number, feature).await;
        }
        let body = format!(r#"{{"feature":"ping","member":"{member}"}}"#);
        let spent = api.post("/tokens/deduct", "order-5", &body).await.field("/transaction_id");
        api.post("/tokens/refunds", "refund", &format!(r#"{{"transaction_id":"{spent}","reason":"x"}}"#)).await;
        assert_snapshot!(api.get("/tokens/stats?from=2026-03-10&to=2026-03-12").await.snapshot(), @r#"
        200
        content-type: application/json
        {
          "from": "2026-03-10",
          "group_by": "day",
          "series": [
            {
              "key": "2026-03-10",
              "token_type": "ai",
              "tokens": 1,
              "uses": 1
            },
            {
              "key": "2026-03-10",
              "token_type": "deep",
              "tokens": 0,
              "uses": 0
            },
            {
              "key": "2026-03-11",
              "token_type": "ai",
              "tokens": 6,
              "uses": 2
            },
            {
              "key": "2026-03-11",
              "token_type": "deep",
              "tokens": 2,
              "uses": 1
            },
            {
              "key": "2026-03-12",
              "token_type": "ai",
              "tokens": 0,
              "uses": 0
            },
            {
              "key": "2026-03-12",
              "token_type": "deep",
              "tokens": 0,
              "uses": 0
            }
          ],
          "to": "2026-03-12",
          "totals": [
            {
              "token_type": "ai",
              "tokens": 7,
              "uses": 3
            },
            {
              "token_type": "deep",
              "tokens": 2,
              "uses": 1
            }
          ]
        }
        "#);
        let by = async |group: &str| {
            let json = api.get(&format!("/tokens/stats?group_by={group}")).await.json();
            serde_json::to_string(&json["series"]).unwrap()
        };
        assert_snapshot!(by("feature").await, @r#"[{"key":"ping","token_type":"ai","tokens":2,"uses":2},{"key":"quest_generation","token_type":"ai","tokens":5,"uses":1},{"key":"strategy_analysis","token_type":"deep","tokens":2,"uses":1}]"#);
        assert_snapshot!(by("member").await, @r#"[{"key":"00000000-0000-8000-8000-000000000005","token_type":"ai","tokens":0,"uses":0},{"key":null,"token_type":"ai","tokens":7,"uses":3},{"key":null,"token_type":"deep","tokens":2,"uses":1}]"#);
    });
}
