//! `GET /tokens/ledger`.

use axum::{body::Body, http::Request};
use insta::assert_snapshot;

use super::client::{spend, with_api};

#[test]
fn paging_is_stable_while_entries_are_appended() {
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
fn an_entry_has_all_its_fields_in_json_and_its_columns_in_csv() {
    with_api(async |_, api, _| {
        let body = r#"{"feature":"quest_generation","quantity":2,"metadata":{"order":"A-17"}}"#;
        api.post("/tokens/deduct", "order-1", body).await;
        let page = api.get("/tokens/ledger?limit=1&feature=quest_generation&token_type=ai").await;
        assert_snapshot!(page.snapshot(), @r#"
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
        assert_snapshot!(api.send(csv, Body::empty()).await.snapshot(), @"
        200
        content-type: text/csv; charset=utf-8
        seq,time_utc,kind,token_type,amount,held,settled_after,available_after,feature,who,note,transaction_id
        3,2026-03-10T09:00:00.000000Z,spent,ai,-10,0,190,190,quest_generation,API key billing,,00000000-0000-8000-8000-000000000004
        2,2026-03-10T09:00:00.000000Z,granted,deep,20,0,20,20,,Brightmeter,,00000000-0000-8000-8000-000000000002
        1,2026-03-10T09:00:00.000000Z,granted,ai,200,0,200,200,,Brightmeter,,00000000-0000-8000-8000-000000000002
        ");
    });
}
