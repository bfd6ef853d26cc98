//! `GET /tokens/stats`.

use chrono::NaiveDate;
use insta::assert_snapshot;
use serde_json::Value;

use super::client::{Api, spend, with_api};
use crate::support::{at, with_server};

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
          "time_zone": "Europe/Berlin",
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
fn days_are_those_of_the_organizations_time_zone() {
    for (zone, night, midnight, last_day) in [
        // 12 and 13 hours ahead, behind, and not by whole hours.
        ("Pacific/Auckland", "2026-11-29T10:30:00Z", "2026-11-29T11:00:00Z", "2026-11-30"),
        ("America/Los_Angeles", "2026-11-30T07:59:59Z", "2026-11-30T08:00:00Z", "2026-11-30"),
        ("Asia/Kathmandu", "2026-11-29T18:14:59Z", "2026-11-29T18:15:00Z", "2026-11-30"),
        // The clocks are put back, so that this day has 25 hours.
        ("Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z", "2026-10-26"),
    ] {
        with_server(async |server| {
            let org = server.org_in(zone, "bright-audio", "enterprise").await;
            let api = Api::new(server, org).await;
            let today: NaiveDate = last_day.parse().unwrap();
            let yesterday = today.pred_opt().unwrap();
            server.clock.set(at(night));
            spend(&api, 1, "quest_generation").await;
            server.clock.set(at(midnight));
            spend(&api, 2, "lead_generation").await;
            let tokens = async |query: &str| {
                let json = api.get(&format!("/tokens/stats{query}")).await.json();
                assert_eq!(json["time_zone"], zone);
                let used = |point: &Value| Some((point["key"].as_str()?.to_owned(), point["tokens"].as_i64()?));
                let points: Vec<(String, i64)> = json["series"].as_array().unwrap().iter().filter_map(used).collect();
                (json["to"].as_str().unwrap().to_owned(), points)
            };
            let (last, series) = tokens("").await;
            assert_eq!(last, last_day, "{zone}");
            assert_eq!(series[28..], [(yesterday.to_string(), 5), (last_day.into(), 10)], "{zone}");
            // An instant stands for its day.
            let (_, series) = tokens(&format!("?from={midnight}&to={midnight}")).await;
            assert_eq!(series, [(last_day.into(), 10)], "{zone}");
            // The ledger has the same entries from the first instant of the day on.
            let entries = api.get(&format!("/tokens/ledger?from={midnight}")).await.json();
            assert_eq!(entries["items"].as_array().unwrap().len(), 1, "{zone}");
        });
    }
}
