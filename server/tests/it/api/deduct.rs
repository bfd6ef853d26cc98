//! `POST /tokens/deduct`.

use brightmeter::command::Command;
use futures::future::join_all;
use insta::assert_snapshot;

use super::client::with_api;
use crate::support::{adjust, service};

const QUESTS: &str = r#"{"feature":"quest_generation"}"#;

#[test]
fn a_repeated_spend_returns_the_first_response() {
    with_api(async |server, api, org| {
        let reply = api.post("/tokens/deduct", "order-1", r#"{"feature":"quest_generation","metadata":{"a":1}}"#).await;
        assert_snapshot!(reply.snapshot(), @r#"
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
        assert_snapshot!(api.post("/tokens/deduct", "order-1", QUESTS).await.snapshot(), @r#"
        422
        content-type: application/problem+json
        {
          "code": "key_reused",
          "detail": "This Idempotency-Key was already used for a different request.",
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
fn a_dry_run_lists_the_grants_it_would_burn_and_moves_nothing() {
    with_api(async |server, api, org| {
        server.submit(org, adjust(50, "a gift")).await.unwrap();
        let dry = r#"{"feature":"revenue_forecast","quantity":15,"dry_run":true}"#;
        assert_snapshot!(api.post("/tokens/deduct", "order-1", dry).await.snapshot(), @r#"
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
fn a_refusal_states_its_limit_and_what_to_do() {
    with_api(async |server, api, org| {
        let too_much = r#"{"feature":"quest_generation","quantity":41}"#;
        assert_snapshot!(api.post("/tokens/deduct", "order-1", too_much).await.snapshot(), @r#"
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
        server.submit(org, Command::ChangePlan { caller: service(), plan: "starter".parse().unwrap() }).await.unwrap();
        server.advance(31 * 24 * 60 * 60);
        assert_snapshot!(api.post("/tokens/deduct", "order-2", QUESTS).await.snapshot(), @r#"
        403
        content-type: application/problem+json
        {
          "action_url": "/billing",
          "code": "feature_not_in_plan",
          "detail": "quest_generation requires the pro plan or higher; you are on starter.",
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
fn an_api_key_that_acts_for_a_member_is_under_that_members_limits() {
    with_api(async |server, api, org| {
        let member = server.member(org, "robin@bright-audio.test").await;
        let body = format!(r#"{{"feature":"ping","member":"{member}"}}"#);
        assert_snapshot!(api.post("/tokens/deduct", "ping-0", &body).await.snapshot(), @r#"
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
        assert_snapshot!(api.post("/tokens/deduct", "ping-1", &body).await.snapshot(), @r#"
        429
        content-type: application/problem+json
        retry-after: 3
        ratelimit: "interval";r=0;t=3
        ratelimit-policy: "interval";q=1;w=3
        {
          "action_url": null,
          "code": "too_frequent",
          "detail": "Too many requests: wait 3 seconds between requests.",
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
        assert_eq!(
            api.post("/tokens/deduct", "ping-2", r#"{"feature":"ping"}"#).await.status,
            200,
            "the API key has its own limits"
        );
    });
}

#[test]
fn a_hundred_concurrent_repeats_spend_once_and_get_the_same_response() {
    with_api(async |server, api, org| {
        let replies = join_all((0..100).map(|_| api.post("/tokens/deduct", "order-1", QUESTS))).await;
        assert!(replies.iter().all(|reply| reply.status == 200 && reply.text == replies[0].text));
        let first = replies.iter().filter(|reply| reply.header("idempotent-replayed").is_none()).count();
        assert_eq!((first, server.available(org, "ai").await), (1, 195));
    });
}

#[test]
fn every_429_has_the_rate_limit_fields() {
    with_api(async |server, api, org| {
        let member = server.member(org, "robin@bright-audio.test").await;
        let body = format!(r#"{{"feature":"ping","member":"{member}"}}"#);
        let mut refused = Vec::new();
        for number in 0..32 {
            // On average faster than the rate allows, and often sooner than the interval does.
            server.advance(if number % 2 == 0 { 2 } else { 1 });
            for path in ["/tokens/deduct", "/tokens/holds"] {
                let reply = api.post(path, &format!("{path}-{number}"), &body).await;
                if reply.status == 429 {
                    refused.push(reply);
                }
            }
        }
        let codes: std::collections::BTreeSet<String> = refused.iter().map(|reply| reply.field("/code")).collect();
        assert!(codes.contains("too_frequent"), "{codes:?}");
        for reply in refused {
            let (limit, policy) = (reply.header("ratelimit").unwrap(), reply.header("ratelimit-policy").unwrap());
            assert_eq!(limit.split(';').next(), policy.split(';').next(), "both name the same policy");
            let retry_after = reply.header("retry-after").unwrap();
            assert!(limit.ends_with(&format!(";r=0;t={retry_after}")), "{limit}, retry after {retry_after}");
        }
    });
}
