//! `GET /tokens/check-balance`.

use insta::assert_snapshot;

use super::client::with_api;
use crate::support::adjust;

#[test]
fn a_check_returns_the_cost_the_balances_and_the_refusal() {
    with_api(async |server, api, org| {
        let check = "/tokens/check-balance?feature=quest_generation";
        assert_snapshot!(api.get(check).await.snapshot(), @r#"
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
        server.submit(org, adjust(-198, "leave 2 tokens")).await.unwrap();
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
        assert_snapshot!(api.get("/tokens/check-balance?feature=quest_generation&quantity=0").await.snapshot(), @r#"
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
        assert_snapshot!(api.get("/tokens/check-balance").await.snapshot(), @r#"
        422
        content-type: application/problem+json
        {
          "code": "invalid_field",
          "detail": "feature: the feature is required",
          "errors": [
            {
              "field": "feature",
              "message": "the feature is required"
            }
          ],
          "request_id": "the-request",
          "status": 422,
          "title": "Invalid field",
          "type": "/api/docs#invalid_field"
        }
        "#);
        assert_snapshot!(api.get("/tokens/check-balance?feature=nothing").await.snapshot(), @r#"
        422
        content-type: application/problem+json
        {
          "action_url": null,
          "code": "unknown_feature",
          "detail": "Unknown feature `nothing`.",
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
