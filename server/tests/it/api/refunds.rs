//! `POST /tokens/refunds`.

use insta::assert_snapshot;

use super::client::with_api;

const QUESTS: &str = r#"{"feature":"quest_generation"}"#;

#[test]
fn a_spend_is_refunded_once() {
    with_api(async |server, api, org| {
        let spent = api.post("/tokens/deduct", "order-1", QUESTS).await.field("/transaction_id");
        let body = format!(r#"{{"transaction_id":"{spent}","reason":"The report was empty"}}"#);
        let reply = api.post("/tokens/refunds", "refund-1", &body).await;
        assert_snapshot!(reply.snapshot(), @r#"
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
        assert_snapshot!(api.post("/tokens/refunds", "refund-2", &body).await.snapshot(), @r#"
        409
        content-type: application/problem+json
        {
          "action_url": null,
          "code": "already_refunded",
          "detail": "This spend has already been refunded.",
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
        let unknown = r#"{"transaction_id":"00000000-0000-7000-8000-00000000beef","reason":"x"}"#;
        assert_snapshot!(api.post("/tokens/refunds", "refund-3", unknown).await.snapshot(), @r#"
        404
        content-type: application/problem+json
        {
          "action_url": null,
          "code": "spend_not_found",
          "detail": "Spend not found.",
          "limit_source": "request",
          "remaining": null,
          "request_id": "the-request",
          "resets_at": null,
          "retry_after": null,
          "status": 404,
          "title": "Spend not found",
          "type": "/api/docs#spend_not_found"
        }
        "#);
        assert_eq!(server.available(org, "ai").await, 200);
    });
}

#[test]
fn a_replay_says_that_its_spend_has_been_refunded() {
    with_api(async |_, api, _| {
        let body = r#"{"feature":"ping"}"#;
        let deduct = async |key: &str| api.post("/tokens/deduct", key, body).await;
        let (first, other) = (deduct("order-1").await, deduct("order-2").await);
        let replayed = deduct("order-1").await;
        assert_eq!(replayed.json(), first.json(), "not refunded yet");
        let refund = format!(r#"{{"transaction_id":"{}","reason":"empty"}}"#, first.field("/transaction_id"));
        assert_eq!(api.post("/tokens/refunds", "refund-1", &refund).await.status, 200);
        let replayed = deduct("order-1").await;
        assert_eq!((replayed.status.as_u16(), replayed.header("idempotent-replayed")), (200, Some("true")));
        let mut expected = first.json();
        expected["refunded"] = true.into();
        assert_eq!(replayed.json(), expected);
        assert_eq!(deduct("order-2").await.json(), other.json(), "another spend");
        assert_eq!(deduct("order-3").await.json().get("refunded"), None, "a new spend");
    });
}

#[test]
fn a_capture_is_refunded_once_and_whole() {
    with_api(async |server, api, org| {
        for (n, body, charged) in [(1, "{}", 5), (2, r#"{"amount":3}"#, 3)] {
            let hold = api.post("/tokens/holds", &format!("job-{n}"), QUESTS).await.field("/hold_id");
            let capture = api.post(&format!("/tokens/holds/{hold}/capture"), &format!("end-{n}"), body).await;
            assert_eq!(server.available(org, "ai").await, 200 - charged);
            let refund = format!(r#"{{"transaction_id":"{}","reason":"empty"}}"#, capture.field("/transaction_id"));
            let refunded = api.post("/tokens/refunds", &format!("refund-{n}"), &refund).await;
            assert_eq!((refunded.status.as_u16(), refunded.json()["amount"].as_i64()), (200, Some(charged)));
            assert_eq!(server.available(org, "ai").await, 200);
            let again = api.post("/tokens/refunds", &format!("again-{n}"), &refund).await;
            assert_eq!(again.problem(), (409, "already_refunded".into()));
        }
    });
}
