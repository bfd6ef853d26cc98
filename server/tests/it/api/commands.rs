//! Spending, holding and taking back.

use brightmeter::command::Command;
use futures::future::join_all;
use insta::assert_snapshot;

use super::client::with_api;
use crate::support::adjust;

const QUESTS: &str = r#"{"feature":"quest_generation"}"#;

#[test]
fn a_balance_is_checked_with_its_reason_if_not() {
    with_api(async |server, api, org| {
        let check = "/tokens/check-balance?feature=quest_generation";
        assert_snapshot!(api.get(check).await.told(), @r#"
        200
        content-type: application/json
        {
          "allowed": true,
          "balances": [
            {
              "allowance": {
                "granted": 200,
                "remaining": 200,
                "resets_at": "2026-04-10T09:00:00Z"
              },
              "available": 200,
              "held": 0,
              "packs": {
                "remaining": 0
              },
              "settled": 200,
              "token_type": "ai"
            },
            {
              "allowance": {
                "granted": 20,
                "remaining": 20,
                "resets_at": "2026-04-10T09:00:00Z"
              },
              "available": 20,
              "held": 0,
              "packs": {
                "remaining": 0
              },
              "settled": 20,
              "token_type": "deep"
            }
          ],
          "cost": {
            "amount": 5,
            "token_type": "ai"
          },
          "feature": "quest_generation",
          "refusal": null
        }
        "#);
        server.submit(org, adjust(-198, "nearly nothing")).await.unwrap();
        let reply = api.get(check).await;
        assert_snapshot!(serde_json::to_string_pretty(&reply.json()["refusal"]).unwrap(), @r#"
        {
          "action_url": "/billing#packs",
          "code": "insufficient_tokens",
          "detail": "Not enough tokens: 5 needed, 2 available.",
          "limit_source": "balance",
          "remaining": 2,
          "resets_at": "2026-04-10T09:00:00Z",
          "retry_after": 2678400
        }
        "#);
        assert_eq!(reply.field("/allowed"), "false");
        assert_snapshot!(api.get("/tokens/check-balance?feature=quest_generation&quantity=0").await.told(), @r#"
        422
        content-type: application/problem+json
        {
          "code": "invalid_field",
          "detail": "quantity: a quantity is a whole number from 1 to 10,000",
          "errors": [
            {
              "field": "quantity",
              "message": "a quantity is a whole number from 1 to 10,000"
            }
          ],
          "request_id": "the-request",
          "status": 422,
          "title": "Invalid field",
          "type": "/api/docs#invalid_field"
        }
        "#);
        assert_snapshot!(api.get("/tokens/check-balance").await.told(), @r#"
        422
        content-type: application/problem+json
        {
          "code": "invalid_field",
          "detail": "feature: name the feature to use",
          "errors": [
            {
              "field": "feature",
              "message": "name the feature to use"
            }
          ],
          "request_id": "the-request",
          "status": 422,
          "title": "Invalid field",
          "type": "/api/docs#invalid_field"
        }
        "#);
        assert_snapshot!(api.get("/tokens/check-balance?feature=nothing").await.told(), @r#"
        422
        content-type: application/problem+json
        {
          "action_url": null,
          "code": "unknown_feature",
          "detail": "There is no feature `nothing`.",
          "limit_source": "request",
          "remaining": null,
          "request_id": "the-request",
          "resets_at": null,
          "retry_after": null,
          "status": 422,
          "title": "Unknown feature",
          "type": "/api/docs#unknown_feature"
        }
        "#);
    });
}

#[test]
fn a_spend_is_answered_with_its_receipt_and_a_repeat_of_it_with_the_same() {
    with_api(async |server, api, org| {
        let reply = api.post("/tokens/deduct", "order-1", r#"{"feature":"quest_generation","metadata":{"a":1}}"#).await;
        assert_snapshot!(reply.told(), @r#"
        200
        content-type: application/json
        {
          "amount": 5,
          "balance": {
            "available": 195,
            "held": 0,
            "settled": 195,
            "token_type": "ai"
          },
          "seq": 3,
          "token_type": "ai",
          "transaction_id": "00000000-0000-8000-8000-000000000004"
        }
        "#);
        let again =
            api.post("/tokens/deduct", "order-1", r#"{ "metadata": {"a": 1}, "feature": "quest_generation" }"#).await;
        assert_eq!((again.status, &again.text), (reply.status, &reply.text));
        assert_eq!((reply.header("idempotent-replayed"), again.header("idempotent-replayed")), (None, Some("true")));
        assert_snapshot!(api.post("/tokens/deduct", "order-1", QUESTS).await.told(), @r#"
        422
        content-type: application/problem+json
        {
          "code": "key_reused",
          "detail": "This Idempotency-Key was used for another request.",
          "request_id": "the-request",
          "status": 422,
          "title": "Idempotency-Key reused",
          "type": "/api/docs#key_reused"
        }
        "#);
        assert_eq!(server.available(org, "ai").await, 195);
    });
}

#[test]
fn a_dry_run_says_what_would_burn_and_moves_nothing() {
    with_api(async |server, api, org| {
        server.submit(org, adjust(50, "a gift")).await.unwrap();
        let dry = r#"{"feature":"revenue_forecast","quantity":15,"dry_run":true}"#;
        assert_snapshot!(api.post("/tokens/deduct", "order-1", dry).await.told(), @r#"
        200
        content-type: application/json
        {
          "balance": {
            "available": 25,
            "held": 0,
            "settled": 25,
            "token_type": "ai"
          },
          "cost": {
            "amount": 225,
            "token_type": "ai"
          },
          "dry_run": true,
          "grants": [
            {
              "amount": 200,
              "expires_at": "2026-04-10T09:00:00Z",
              "grant_id": "8aed25cf-6d83-8b7f-8411-1f218f1fd854",
              "source": "plan"
            },
            {
              "amount": 25,
              "expires_at": null,
              "grant_id": "a711b5a0-9177-89ee-8fbc-7b1ea8d3e887",
              "source": "admin"
            }
          ]
        }
        "#);
        let too_much = r#"{"feature":"revenue_forecast","quantity":20,"dry_run":true}"#;
        assert_eq!(
            api.post("/tokens/deduct", "order-2", too_much).await.problem(),
            (402, "insufficient_tokens".into())
        );
        assert_eq!(server.available(org, "ai").await, 250);
    });
}

#[test]
fn every_no_explains_itself() {
    with_api(async |server, api, org| {
        let too_much = r#"{"feature":"quest_generation","quantity":41}"#;
        assert_snapshot!(api.post("/tokens/deduct", "order-1", too_much).await.told(), @r#"
        402
        content-type: application/problem+json
        {
          "action_url": "/billing#packs",
          "code": "insufficient_tokens",
          "detail": "Not enough tokens: 205 needed, 200 available.",
          "limit_source": "balance",
          "remaining": 200,
          "request_id": "the-request",
          "resets_at": "2026-04-10T09:00:00Z",
          "retry_after": 2678400,
          "status": 402,
          "title": "Not enough tokens",
          "type": "/api/docs#insufficient_tokens"
        }
        "#);
        server
            .submit(org, Command::ChangePlan { caller: crate::support::service(), plan: "starter".parse().unwrap() })
            .await
            .unwrap();
        server.pass(31 * 24 * 60 * 60);
        assert_snapshot!(api.post("/tokens/deduct", "order-2", QUESTS).await.told(), @r#"
        403
        content-type: application/problem+json
        {
          "action_url": "/billing",
          "code": "feature_not_in_plan",
          "detail": "quest_generation is part of the pro plan and up; you are on starter.",
          "limit_source": "plan",
          "remaining": null,
          "request_id": "the-request",
          "resets_at": null,
          "retry_after": null,
          "status": 403,
          "title": "Feature not in plan",
          "type": "/api/docs#feature_not_in_plan"
        }
        "#);
    });
}

#[test]
fn a_key_that_acts_for_a_member_is_under_the_members_limits() {
    with_api(async |server, api, org| {
        let member = server.member(org, "robin@bright-audio.test").await;
        let body = format!(r#"{{"feature":"ping","member":"{member}"}}"#);
        assert_snapshot!(api.post("/tokens/deduct", "ping-0", &body).await.told(), @r#"
        200
        content-type: application/json
        ratelimit: "requests";r=29;t=60
        ratelimit-policy: "requests";q=30;w=60
        {
          "amount": 1,
          "balance": {
            "available": 199,
            "held": 0,
            "settled": 199,
            "token_type": "ai"
          },
          "seq": 3,
          "token_type": "ai",
          "transaction_id": "00000000-0000-8000-8000-000000000006"
        }
        "#);
        assert_snapshot!(api.post("/tokens/deduct", "ping-1", &body).await.told(), @r#"
        429
        content-type: application/problem+json
        retry-after: 3
        {
          "action_url": null,
          "code": "too_frequent",
          "detail": "At least 3 seconds between two requests.",
          "limit_source": "interval",
          "remaining": 0,
          "request_id": "the-request",
          "resets_at": "2026-03-10T09:00:03Z",
          "retry_after": 3,
          "status": 429,
          "title": "Too soon",
          "type": "/api/docs#too_frequent"
        }
        "#);
        assert_eq!(api.post("/tokens/deduct", "ping-2", r#"{"feature":"ping"}"#).await.status, 200, "the key itself");
    });
}

#[test]
fn a_spend_is_refunded_once() {
    with_api(async |server, api, org| {
        let spent = api.post("/tokens/deduct", "order-1", QUESTS).await.field("/transaction_id");
        let body = format!(r#"{{"transaction_id":"{spent}","reason":"The report was empty"}}"#);
        let reply = api.post("/tokens/refunds", "refund-1", &body).await;
        assert_snapshot!(reply.told(), @r#"
        200
        content-type: application/json
        {
          "amount": 5,
          "balance": {
            "available": 200,
            "held": 0,
            "settled": 200,
            "token_type": "ai"
          },
          "refunds": "00000000-0000-8000-8000-000000000004",
          "seq": 4,
          "token_type": "ai",
          "transaction_id": "00000000-0000-8000-8000-000000000005"
        }
        "#);
        let again = api.post("/tokens/refunds", "refund-1", &body).await;
        assert_eq!((again.text, again.headers.get("idempotent-replayed").is_some()), (reply.text, true));
        assert_snapshot!(api.post("/tokens/refunds", "refund-2", &body).await.told(), @r#"
        409
        content-type: application/problem+json
        {
          "action_url": null,
          "code": "already_refunded",
          "detail": "This spend was refunded already.",
          "limit_source": "request",
          "remaining": null,
          "request_id": "the-request",
          "resets_at": null,
          "retry_after": null,
          "status": 409,
          "title": "Already refunded",
          "type": "/api/docs#already_refunded"
        }
        "#);
        let nothing = r#"{"transaction_id":"00000000-0000-7000-8000-00000000beef","reason":"x"}"#;
        assert_snapshot!(api.post("/tokens/refunds", "refund-3", nothing).await.told(), @r#"
        404
        content-type: application/problem+json
        {
          "action_url": null,
          "code": "spend_not_found",
          "detail": "There is no such spend.",
          "limit_source": "request",
          "remaining": null,
          "request_id": "the-request",
          "resets_at": null,
          "retry_after": null,
          "status": 404,
          "title": "No such spend",
          "type": "/api/docs#spend_not_found"
        }
        "#);
        assert_eq!(server.available(org, "ai").await, 200);
    });
}

#[test]
fn a_hold_is_opened_shown_captured_and_closed() {
    with_api(async |server, api, org| {
        let opened = api.post("/tokens/holds", "job-1", r#"{"feature":"lead_generation","ttl_seconds":60}"#).await;
        assert_snapshot!(opened.told(), @r#"
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
        let path = format!("/tokens/holds/{}", opened.field("/hold_id"));
        assert_snapshot!(api.get(&path).await.told(), @r#"
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
        let too_much = api.post(&format!("{path}/capture"), "end-0", r#"{"amount":11}"#).await;
        assert_snapshot!(too_much.told(), @r#"
        422
        content-type: application/problem+json
        {
          "action_url": null,
          "code": "capture_exceeds_hold",
          "detail": "A capture takes at most what is held: 10.",
          "limit_source": "request",
          "remaining": null,
          "request_id": "the-request",
          "resets_at": null,
          "retry_after": null,
          "status": 422,
          "title": "More than is held",
          "type": "/api/docs#capture_exceeds_hold"
        }
        "#);
        let captured = api.post(&format!("{path}/capture"), "end-1", r#"{"amount":4}"#).await;
        assert_snapshot!(captured.told(), @r#"
        200
        content-type: application/json
        {
          "amount": 4,
          "balance": {
            "available": 196,
            "held": 0,
            "settled": 196,
            "token_type": "ai"
          },
          "hold_id": "00000000-0000-8000-8000-000000000004",
          "returned": 6,
          "state": "captured",
          "token_type": "ai",
          "transaction_id": "00000000-0000-8000-8000-000000000006"
        }
        "#);
        assert_snapshot!(api.post(&format!("{path}/release"), "end-2", "").await.told(), @r#"
        409
        content-type: application/problem+json
        {
          "action_url": null,
          "code": "hold_closed",
          "detail": "This hold is captured already.",
          "limit_source": "request",
          "remaining": null,
          "request_id": "the-request",
          "resets_at": null,
          "retry_after": null,
          "status": 409,
          "title": "Hold closed",
          "type": "/api/docs#hold_closed"
        }
        "#);
        assert_eq!(api.post(&format!("{path}/capture"), "end-1", r#"{"amount":4}"#).await.text, captured.text);
        assert_eq!(api.get(&path).await.field("/captured"), "4");
        assert_eq!(server.available(org, "ai").await, 196);
    });
}

#[test]
fn a_hold_is_released_with_its_reason_or_lapses() {
    with_api(async |server, api, org| {
        let opened = api.post("/tokens/holds", "job-1", QUESTS).await.field("/hold_id");
        let released = api.post(&format!("/tokens/holds/{opened}/release"), "end-1", r#"{"reason":"No answer"}"#).await;
        assert_snapshot!(released.told(), @r#"
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
        let opened = api.post("/tokens/holds", "job-2", QUESTS).await.field("/hold_id");
        server.pass(901);
        assert_eq!(api.get(&format!("/tokens/holds/{opened}")).await.field("/state"), "expired");
        let late = api.post(&format!("/tokens/holds/{opened}/capture"), "end-2", "{}").await;
        assert_eq!(late.problem(), (409, "hold_closed".into()));
        assert_eq!(server.available(org, "ai").await, 200);
    });
}

#[test]
fn a_hundred_replays_at_once_spend_once_and_read_the_same() {
    with_api(async |server, api, org| {
        let replies = join_all((0..100).map(|_| api.post("/tokens/deduct", "order-1", QUESTS))).await;
        assert!(replies.iter().all(|reply| reply.status == 200 && reply.text == replies[0].text));
        let first = replies.iter().filter(|reply| reply.header("idempotent-replayed").is_none()).count();
        assert_eq!((first, server.available(org, "ai").await), (1, 195));
    });
}

#[test]
fn a_person_in_a_browser_calls_as_that_person() {
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
        let nobody = api.with_text(None);
        let (request, body) = call(r#"{"feature":"ping"}"#.into(), "ping-1");
        assert_eq!(nobody.send(request, body).await.status, 200);
        let entry = server.log(org).await.pop().unwrap().0;
        assert_eq!(entry.member, Some(member));
        let other = r#"{"feature":"ping","member":"00000000-0000-7000-8000-00000000beef"}"#;
        let (request, body) = call(other.into(), "ping-2");
        assert_eq!(nobody.send(request, body).await.problem(), (422, "invalid_field".into()));
        let spent = entry.transaction;
        let refund = format!(r#"{{"transaction_id":"{spent}","reason":"x"}}"#);
        let (request, body) = call(refund, "refund-1");
        let reply = nobody.send(request.uri("/api/v1/tokens/refunds"), body).await;
        assert_eq!(reply.problem(), (403, "scope_missing".into()), "members take nothing back");
        let (request, body) = call(r#"{"feature":"ping"}"#.into(), "ping-3");
        let request = request.header("origin", "https://evil.example");
        let mut request = request;
        request.headers_mut().unwrap().insert("sec-fetch-site", "cross-site".parse().unwrap());
        assert_eq!(nobody.send(request, body).await.status, 403, "from another site");
    });
}
