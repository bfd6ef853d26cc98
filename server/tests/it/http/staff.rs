//! The staff console: access and features.

use axum::http::StatusCode;

use super::browser::{ONE, with_site};
use crate::{
    billing::shop::{deliver, event, refund, work},
    support::TestServer,
};

const PAGES: [&str; 5] = ["/admin", "/admin/organizations", "/admin/pricing", "/admin/events", "/admin/reconciliation"];
const FORMS: [&str; 5] = [
    "/admin/organizations/suspend",
    "/admin/organizations/lift",
    "/admin/events/replay",
    "/admin/reconciliation",
    "/admin/reconciliation/fix",
];

#[test]
fn staff_sign_in_with_the_same_form_and_reach_every_page() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        for path in PAGES {
            let page = staff.get(path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text());
            assert!(page.body.contains("Staff console"), "{path}");
            assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
        }
        assert_eq!(staff.get("/admin/nothing").await.status, StatusCode::NOT_FOUND);
        for path in ["/", "/signin", "/dashboard", "/quests", "/account"] {
            let page = staff.get(path).await;
            assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/admin"), "{path}");
        }
        let page = staff.post("/quests", &[("goal", "Sell more posters"), ("key", ONE)]).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert!(staff.post("/ui/balances", &[]).await.body.contains("sign_in_required"));
        let page = staff.post("/signout", &[]).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/signin?flash=signed-out"));
        assert_eq!(staff.get("/admin").await.location(), "/signin?next=%2Fadmin");
    });
}

#[test]
fn staff_return_to_the_requested_page_after_sign_in() {
    with_site(async |server, site| {
        site.staff(server).await;
        let fields = [("email", "staff@brightmeter.test"), ("password", "correct horse"), ("next", "/admin/events")];
        let page = site.browser().post("/signin", &fields).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/admin/events"));
    });
}

#[test]
fn the_staff_console_is_not_found_for_others() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.person(org, "owner@bright-audio.test", "owner").await;
        let mut owner = site.signed_in("owner@bright-audio.test").await;
        let nowhere = owner.get("/nowhere").await;
        for path in PAGES.into_iter().chain(["/admin/events/replay", "/admin/nothing"]) {
            let page = owner.get(path).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(page.text(), nowhere.text(), "{path}");
        }
        for path in FORMS {
            assert_eq!(owner.post(path, &[("id", "evt_1")]).await.status, StatusCode::NOT_FOUND, "{path}");
        }
        assert!(!owner.get("/dashboard").await.body.contains("/admin"), "no link leads there");
        for path in PAGES {
            let page = site.browser().get(path).await;
            let leads_to = format!("/signin?next={}", path.replace('/', "%2F"));
            assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, leads_to.as_str()), "{path}");
        }
        for path in FORMS {
            let page = site.browser().post(path, &[("id", "evt_1")]).await;
            assert_eq!(
                (page.status, page.location()),
                (StatusCode::SEE_OTHER, "/signin?flash=session-ended"),
                "{path}"
            );
        }
    });
}

#[test]
fn removed_staff_lose_access_immediately() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        assert_eq!(staff.get("/admin/events").await.status, StatusCode::OK);
        server.as_owner("update users set is_staff = false").await;
        assert_eq!(staff.get("/admin/events").await.location(), "/signin?next=%2Fadmin%2Fevents");
        assert_eq!(server.query_value::<i64>("select count(*) from sessions").await, 0);
    });
}

#[test]
fn a_member_who_is_staff_switches_between_both_areas() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.person(org, "robin@bright-audio.test", "admin").await;
        server.as_owner("update users set is_staff = true").await;
        // The sign-in leads to the dashboard, as for every member.
        let mut robin = site.signed_in("robin@bright-audio.test").await;
        assert!(robin.get("/dashboard").await.body.contains("href=\"/admin\""));
        let page = robin.get("/admin/pricing").await;
        assert!(page.status == StatusCode::OK && page.body.contains("Back to bright-audio"), "{}", page.body);
        server.as_owner("update users set is_staff = false").await;
        assert_eq!(robin.get("/admin/pricing").await.status, StatusCode::NOT_FOUND);
        assert_eq!(robin.get("/dashboard").await.status, StatusCode::OK);
    });
}

#[test]
fn a_what_if_shows_monthly_figures_and_prices_below_the_floor() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        let mut check = async |query: &str, parts: &[&str]| {
            let text = staff.get(&format!("/admin/pricing{query}")).await.text();
            for part in parts {
                assert!(text.contains(part), "{query} lacks {part}: {text}");
            }
        };
        check(
            "",
            &[
                "$27,400 a month from 50 Pro and 50 Enterprise",
                "Serving them costs $1,100 if every token is spent, a margin of 95.9 %.",
                "Every margin is at least 80.0 %.",
                "Pro $2 $149 98.6 % 80.0 %",
                "Enterprise $20 $399 94.9 % 80.0 %",
                "Booster $5 $29 82.7 % 80.0 %",
            ],
        )
        .await;
        check(
            "?customers-pro=60&customers-enterprise=40&sold-booster=10",
            &["$25,190 a month from 60 Pro, 40 Enterprise and 10 Booster", "Serving them costs $970"],
        )
        .await;
        let under =
            ["Brightmeter won't start with these prices and costs", "Booster: 0.9 points below the floor of 80.0 %"];
        check("?price-pack-booster=2400", &under).await;
        let wrong = ["Pro: use a whole number from 0 to 1,000.", "Fix the values to see the result"];
        for value in ["1001", "-1", "many", "5.5", "99999999999999999999", "%3Cb%3E"] {
            check(&format!("?customers-pro={value}"), &wrong).await;
        }
    });
}

/// The only event's outcome, number of attempts and state.
async fn state(server: &TestServer) -> String {
    let sql = "select concat_ws(', ', outcome, attempts,
                   case when done_at is not null then 'done' when due_at is null then 'left' else 'waits' end)
               from stripe_events";
    server.query_value(sql).await
}

#[test]
fn an_event_that_needs_attention_is_replayed_for_three_more_days() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        assert!(staff.get("/admin/events").await.text().contains("Nothing needs attention"));
        assert!(staff.get("/admin/events?state=waiting").await.text().contains("Nothing is waiting"));

        deliver(server, &[event("evt_1", "refund.created", 5, &refund("re_1", "pi_1", 1_450, "succeeded"))]).await;
        server.advance(3 * 24 * 60 * 60);
        work(server).await;
        assert_eq!(state(server).await, "no purchase has its payment's id yet, 2, left");
        let page = staff.get("/admin/events").await;
        for part in
            ["1 event needs attention", "refund.created", "Why: no purchase has its payment's id yet", "tried 2 times"]
        {
            assert!(page.text().contains(part), "{part}: {}", page.text());
        }
        assert!(page.body.contains("https://dashboard.stripe.com/events/evt_1"));
        assert!(!page.body.contains("pi_1"), "its content is not shown");

        let replayed = staff.post("/admin/events/replay", &[("id", "evt_1")]).await;
        let leads_to = "/admin/events?flash=event-replayed";
        assert_eq!((replayed.status, replayed.location()), (StatusCode::SEE_OTHER, leads_to));
        work(server).await;
        assert_eq!(state(server).await, "no purchase has its payment's id yet, 1, waits");
        let text = staff.get(leads_to).await.text();
        for part in ["No events need attention", "Event replayed", "Waiting 1"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let text = staff.get("/admin/events?state=waiting").await.text();
        for part in ["tried once", "replayed", "next try"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        server.advance(3 * 24 * 60 * 60 - 1);
        work(server).await;
        assert_eq!(state(server).await, "no purchase has its payment's id yet, 2, waits");
        server.advance(7 * 60 * 60);
        work(server).await;
        assert_eq!(state(server).await, "no purchase has its payment's id yet, 3, left");
    });
}

#[test]
fn only_unprocessed_events_are_replayed() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        deliver(server, &[event("evt_1", "product.created", 5, &refund("re_1", "pi_1", 1_450, "succeeded"))]).await;
        assert_eq!(state(server).await, "not relevant to Brightmeter, 1, done");
        for id in ["evt_1", "evt_2", ""] {
            let page = staff.post("/admin/events/replay", &[("id", id)]).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{id}");
        }
        assert_eq!(state(server).await, "not relevant to Brightmeter, 1, done");
    });
}
