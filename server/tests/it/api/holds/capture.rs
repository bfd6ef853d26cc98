//! `POST /tokens/holds/{id}/capture`.

use insta::assert_snapshot;

use crate::api::client::with_api;

#[test]
fn a_capture_charges_once_and_returns_the_rest() {
    with_api(async |server, api, org| {
        let opened = api.post("/tokens/holds", "job-1", r#"{"feature":"lead_generation","ttl_seconds":60}"#).await;
        let path = format!("/tokens/holds/{}", opened.field("/hold_id"));
        let too_much = api.post(&format!("{path}/capture"), "end-0", r#"{"amount":11}"#).await;
        assert_snapshot!(too_much.snapshot(), @r#"
        422
        content-type: application/problem+json
        {
          "action_url": null,
          "code": "capture_exceeds_hold",
          "detail": "A capture can't exceed the amount held: 10.",
          "limit_source": "request",
          "remaining": null,
          "request_id": "the-request",
          "resets_at": null,
          "retry_after": null,
          "status": 422,
          "title": "Capture exceeds hold",
          "type": "/api/docs#capture_exceeds_hold"
        }
        "#);
        let captured = api.post(&format!("{path}/capture"), "end-1", r#"{"amount":4}"#).await;
        assert_snapshot!(captured.snapshot(), @r#"
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
        assert_snapshot!(api.post(&format!("{path}/release"), "end-2", "").await.snapshot(), @r#"
        409
        content-type: application/problem+json
        {
          "action_url": null,
          "code": "hold_closed",
          "detail": "This hold has already been captured.",
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
fn a_capture_of_zero_is_refused_and_leaves_the_hold_open() {
    with_api(async |server, api, org| {
        let hold = api.post("/tokens/holds", "job-1", r#"{"feature":"lead_generation"}"#).await.field("/hold_id");
        let path = format!("/tokens/holds/{hold}");
        let reply = api.post(&format!("{path}/capture"), "end-1", r#"{"amount":0}"#).await;
        assert_snapshot!(reply.snapshot(), @r#"
        422
        content-type: application/problem+json
        {
          "action_url": null,
          "code": "amount_out_of_range",
          "detail": "The amount is out of range: a capture charges at least 1 token; release the hold to charge nothing.",
          "limit_source": "request",
          "remaining": null,
          "request_id": "the-request",
          "resets_at": null,
          "retry_after": null,
          "status": 422,
          "title": "Amount out of range",
          "type": "/api/docs#amount_out_of_range"
        }
        "#);
        assert_eq!(api.get(&path).await.field("/state"), "open");
        assert_eq!(server.available(org, "ai").await, 190);
    });
}
