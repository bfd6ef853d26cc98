//! `GET /license`.

use insta::assert_snapshot;

use super::client::with_api;

#[test]
fn the_license_has_its_state_and_the_next_step_of_the_ladder() {
    with_api(async |server, api, org| {
        assert_snapshot!(api.get("/license").await.snapshot(), @r#"
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
        assert_snapshot!(api.get("/license").await.snapshot(), @r#"
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
    });
}
