//! What was used, and the ledger.

use axum::{body::Body, http::Request};
use insta::assert_snapshot;

use super::client::{Api, with_api};

async fn spend(api: &Api, number: usize, feature: &str) {
    let body = format!(r#"{{"feature":"{feature}"}}"#);
    assert_eq!(api.post("/tokens/deduct", &format!("order-{number}"), &body).await.status, 200);
}

#[test]
fn figures_are_those_of_the_ledger_by_day_feature_and_member() {
    with_api(async |server, api, org| {
        let member = server.member(org, "robin@bright-audio.test").await;
        spend(api, 1, "ping").await;
        server.pass(24 * 60 * 60);
        for (number, feature) in [(2, "quest_generation"), (3, "ping"), (4, "strategy_analysis")] {
            spend(api, number, feature).await;
        }
        let body = format!(r#"{{"feature":"ping","member":"{member}"}}"#);
        let spent = api.post("/tokens/deduct", "order-5", &body).await.field("/transaction_id");
        api.post("/tokens/refunds", "refund", &format!(r#"{{"transaction_id":"{spent}","reason":"x"}}"#)).await;
        assert_snapshot!(api.get("/tokens/stats?from=2026-03-10&to=2026-03-12").await.told(), @r#"
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

#[test]
fn pages_of_the_ledger_stay_right_while_entries_arrive() {
    with_api(async |server, api, org| {
        for number in 0..7 {
            spend(api, number, "ping").await;
        }
        let (mut seen, mut path) = (Vec::new(), "/tokens/ledger?limit=3".to_owned());
        loop {
            let page = api.get(&path).await.json();
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["seq"].as_i64().unwrap()));
            spend(api, 100 + seen.len(), "ping").await;
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/tokens/ledger?limit=3&cursor={cursor}");
        }
        assert_eq!(seen, (1..=9).rev().collect::<Vec<i64>>(), "two allowances and seven spends");
        assert_eq!(server.log(org).await.len(), 12);
    });
}

#[test]
fn an_entry_tells_all_that_is_known_of_it() {
    with_api(async |_, api, _| {
        let body = r#"{"feature":"quest_generation","quantity":2,"metadata":{"order":"A-17"}}"#;
        api.post("/tokens/deduct", "order-1", body).await;
        let page = api.get("/tokens/ledger?limit=1&feature=quest_generation&token_type=ai").await;
        assert_snapshot!(page.told(), @r#"
        200
        content-type: application/json
        {
          "items": [
            {
              "amount": -10,
              "balance": {
                "available": 190,
                "held": 0,
                "settled": 190,
                "token_type": "ai"
              },
              "caller": "key",
              "caller_id": "00000000-0000-8000-8000-000000000003",
              "created_at": "2026-03-10T09:00:00Z",
              "feature": "quest_generation",
              "hash": "8d72807b38f7586d619cd8a88a663de6e565bf8b1851be35bbdb968775bd2e9f",
              "held": 0,
              "hold_id": null,
              "kind": "spent",
              "member": null,
              "metadata": {
                "order": "A-17"
              },
              "note": null,
              "reverses": null,
              "seq": 3,
              "token_type": "ai",
              "transaction_id": "00000000-0000-8000-8000-000000000004"
            }
          ],
          "next_cursor": null
        }
        "#);
        assert_eq!(page.json()["next_cursor"], serde_json::Value::Null);
        let csv = Request::get("/api/v1/tokens/ledger").header("accept", "text/csv");
        assert_snapshot!(api.send(csv, Body::empty()).await.told(), @"
        200
        content-type: text/csv; charset=utf-8
        seq,time_utc,kind,token_type,amount,held,settled_after,available_after,feature,who,note,transaction_id
        3,2026-03-10T09:00:00.000000Z,spent,ai,-10,0,190,190,quest_generation,An API key,,00000000-0000-8000-8000-000000000004
        2,2026-03-10T09:00:00.000000Z,granted,deep,20,0,20,20,,Brightmeter,,00000000-0000-8000-8000-000000000002
        1,2026-03-10T09:00:00.000000Z,granted,ai,200,0,200,200,,Brightmeter,,00000000-0000-8000-8000-000000000002
        ");
    });
}

#[test]
fn the_license_and_the_catalog_are_told() {
    with_api(async |server, api, org| {
        assert_snapshot!(api.get("/license").await.told(), @r#"
        200
        content-type: application/json
        {
          "by": null,
          "next": null,
          "plan": "pro",
          "since": null,
          "stage": "nothing",
          "state": "active"
        }
        "#);
        let since = "2026-03-09T09:00:00Z";
        let unpaid = format!(
            "update ai_token_accounts set license_state = 'grace', license_since = '{since}' where org_id = '{org}'"
        );
        server.as_owner(&unpaid).await;
        assert_snapshot!(api.get("/license").await.told(), @r#"
        200
        content-type: application/json
        {
          "by": "invoice",
          "next": {
            "at": "2026-03-12T09:00:00Z",
            "stage": "premium",
            "stops": "Premium features stop."
          },
          "plan": "pro",
          "since": "2026-03-09T09:00:00Z",
          "stage": "nothing",
          "state": "grace"
        }
        "#);
        let catalog = api.get("/catalog").await;
        assert_eq!(catalog.field("/plans/1/name"), "pro");
        assert_eq!(catalog.field("/plans/1/allowance/ai"), "200");
        assert_eq!(catalog.field("/packs/0/price_cents"), "2900");
        assert!(!catalog.text.contains("unit_cost"), "what tokens cost us is nobody's business");
    });
}
