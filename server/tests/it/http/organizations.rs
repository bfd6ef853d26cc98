//! Staff search organizations, suspend their licenses, and lift suspensions.

use axum::http::StatusCode;
use brightmeter::ids::OrgId;
use server::clock::Clock;

use super::browser::{Browser, ONE, Page, TWO, with_site};
use crate::{api::client::Api, support::TestServer};

const LIST: &str = "/admin/organizations";
const PING: &str = r#"{"feature":"ping"}"#;

fn page_of(org: OrgId) -> String {
    format!("{LIST}/{org}")
}

/// Submits a form of an organization's page: `suspend` or `lift`.
async fn send(staff: &mut Browser, action: &str, org: OrgId, key: &str, reason: &str) -> Page {
    let org = org.to_string();
    staff.post(&format!("{LIST}/{action}"), &[("org", &org), ("key", key), ("reason", reason)]).await
}

/// The steps of all licenses: state, restriction, reason, and the staff user.
async fn log(server: &TestServer) -> Vec<String> {
    let sql = "select coalesce(array_agg(concat_ws(', ', l.state, l.off, l.reason, u.email) order by l.booked_at, l.number), '{}')
               from ai_token_license_log l left join users u on u.id = l.staff_id";
    server.query_value(sql).await
}

#[track_caller]
fn has(page: &Page, status: StatusCode, parts: &[&str]) {
    assert_eq!(page.status, status, "{}", page.text());
    for part in parts {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
}

#[test]
fn a_suspension_by_staff_stops_all_ai_until_they_lift_it() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.person(org, "owner@bright-audio.test", "owner").await;
        let api = Api::new(server, org).await;
        let (mut staff, mut owner) = (site.staff(server).await, site.signed_in("owner@bright-audio.test").await);
        has(&staff.get(LIST).await, StatusCode::OK, &["1 organization", "bright-audio", "Pro", "Active"]);
        let page = staff.get(&page_of(org)).await;
        has(&page, StatusCode::OK, &["Suspend the license", "All AI stops immediately", "always been active"]);

        // Submitted twice, it takes effect once.
        let key = page.field("key");
        let leads_to = format!("{}?flash=license-suspended", page_of(org));
        for _ in 0..2 {
            let sent = send(&mut staff, "suspend", org, &key, " A chargeback ").await;
            assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, leads_to.as_str()), "{}", sent.text());
        }
        let parts = ["Suspended by staff", "Support suspended AI.", "Sam: A chargeback", "Lift the suspension"];
        has(&staff.get(&leads_to).await, StatusCode::OK, &parts);
        has(&staff.get(LIST).await, StatusCode::OK, &["Suspended by staff"]);

        let refused = api.post("/tokens/deduct", "order-1", PING).await;
        assert_eq!(refused.problem(), (403, "license_suspended".into()));
        assert_eq!(refused.field("/detail"), "AI is suspended for this organization. Contact support.");
        assert!(refused.json()["action_url"].is_null(), "there is no invoice to pay");
        let license = api.get("/license").await;
        let values = ["/state", "/stage", "/by", "/since"].map(|field| license.field(field));
        assert_eq!(values, ["suspended", "ai", "staff", "2026-03-10T09:00:00Z"]);

        for path in ["/dashboard", "/quests", "/billing", "/license"] {
            let page = owner.get(path).await;
            assert!(page.body.contains("support has suspended it for your organization"), "{path}");
            assert!(!page.body.contains("chargeback"), "{path}: the reason is for staff only");
        }
        let parts = [
            "AI is suspended",
            "Support suspended it on 10 Mar 2026. A payment doesn't lift the suspension: contact support.",
        ];
        has(&owner.get("/license").await, StatusCode::OK, &parts);
        let billing = owner.get("/billing").await;
        has(&billing, StatusCode::OK, &["Support suspended AI for your organization"]);
        assert!(!billing.body.contains("action=\"/billing/buy\""));
        let bought = owner.post("/billing/buy", &[("id", ONE), ("pack", "booster")]).await;
        has(&bought, StatusCode::UNPROCESSABLE_ENTITY, &["so you couldn't use the tokens. Contact support first."]);
        let from = server.clock.now().timestamp().to_string();
        let choice = [("id", TWO), ("plan", "enterprise"), ("plan_change", "subscribe"), ("from", from.as_str())];
        let chosen = owner.post("/billing/plan", &choice).await;
        has(&chosen, StatusCode::UNPROCESSABLE_ENTITY, &["so you can't choose a paid plan. Contact support first."]);
        let orders = "select (select count(*) from ai_token_purchases) + (select count(*) from ai_token_plan_orders)";
        assert_eq!(server.query_value::<i64>(orders).await, 0);

        server.advance(60);
        let key = staff.get(&page_of(org)).await.field("key");
        let sent = send(&mut staff, "lift", org, &key, "It was a mistake").await;
        let leads_to = format!("{}?flash=suspension-lifted", page_of(org));
        assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, leads_to.as_str()), "{}", sent.text());
        has(&staff.get(&leads_to).await, StatusCode::OK, &["Active", "Sam: It was a mistake", "Suspend the license"]);
        assert_eq!(api.post("/tokens/deduct", "order-1", PING).await.status, StatusCode::OK, "under the same key");
        assert!(!owner.get("/dashboard").await.body.contains("suspended"));
        has(&owner.get("/license").await, StatusCode::OK, &["Support lifted the suspension. Everything is on."]);
        assert!(owner.get("/billing").await.body.contains("action=\"/billing/buy\""));
        assert_eq!(
            log(server).await,
            [
                "suspended_by_staff, ai, A chargeback, staff@brightmeter.test",
                "active, nothing, It was a mistake, staff@brightmeter.test",
            ]
        );
        let emails: i64 =
            server.query_value("select count(*) from emails where kind = 'license' and sent_at is null").await;
        assert_eq!(emails, 2);
    });
}

#[test]
fn a_suspension_needs_a_reason_and_the_form_keeps_its_input() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        let mut staff = site.staff(server).await;
        for reason in ["", "   ", "two\nlines", &*"x".repeat(501)] {
            let page = send(&mut staff, "suspend", org, ONE, reason).await;
            has(
                &page,
                StatusCode::UNPROCESSABLE_ENTITY,
                &["Enter a reason on one line, at most 500 characters", "Active"],
            );
            assert!(page.body.contains("aria-describedby=\"reason-hint reason-error\""), "{}", page.body);
            assert_eq!(page.field("reason"), reason);
        }
        for key in ["", "1"] {
            let page = send(&mut staff, "suspend", org, key, "A chargeback").await;
            has(&page, StatusCode::UNPROCESSABLE_ENTITY, &["This form is out of date."]);
            assert_eq!(page.field("reason"), "A chargeback");
            assert_ne!(page.field("key"), key, "the form can be submitted again");
        }
        assert_eq!(log(server).await, [""; 0]);
    });
}

#[test]
fn a_change_by_another_person_is_shown_and_not_repeated() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        let mut staff = site.staff(server).await;
        let page = send(&mut staff, "lift", org, ONE, "It was a mistake").await;
        has(&page, StatusCode::CONFLICT, &["Not suspended by staff", "Suspend the license"]);
        send(&mut staff, "suspend", org, ONE, "A chargeback").await;
        let page = send(&mut staff, "suspend", org, TWO, "Spam").await;
        has(&page, StatusCode::CONFLICT, &["Already suspended", "Lift the suspension", "Sam: A chargeback"]);
        assert_eq!(page.field("reason"), "", "the reason for the suspension is not prefilled as the reason to lift it");
        let page = send(&mut staff, "suspend", org, ONE, "Spam").await;
        has(&page, StatusCode::UNPROCESSABLE_ENTITY, &["This form was already submitted with a different reason."]);
        assert_eq!(log(server).await, ["suspended_by_staff, ai, A chargeback, staff@brightmeter.test"]);
    });
}

#[test]
fn organizations_are_found_by_part_of_their_name_or_slug() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        has(&staff.get(LIST).await, StatusCode::OK, &["No organizations", "No organizations yet"]);
        for slug in ["bright-audio", "stagecraft", "audio-lab"] {
            server.org(slug, "starter").await;
        }
        let mut check = async |query: &str, parts: &[&str]| {
            has(&staff.get(&format!("{LIST}{query}")).await, StatusCode::OK, parts);
        };
        check("", &["3 organizations", "audio-lab · Starter", "bright-audio · Starter", "stagecraft · Starter"]).await;
        check("?q=%20AUDIO%20", &["2 organizations match “AUDIO”", "audio-lab", "bright-audio"]).await;
        check("?q=craft", &["1 organization matches “craft”", "stagecraft"]).await;
        check("?q=%25", &["No organizations match “%”", "Nothing found", "All organizations"]).await;
        check("?q=%3Cb%3E", &["No organizations match “<b>”"]).await;
        check("?q=%00", &["3 organizations"]).await;
        check(&format!("?q={}", "x".repeat(2_000)), &["Nothing found"]).await;
    });
}

#[test]
fn an_unknown_organization_is_not_found() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        for id in [ONE, "bright-audio", "%00"] {
            let page = staff.get(&format!("{LIST}/{id}")).await;
            has(&page, StatusCode::NOT_FOUND, &["Page not found"]);
        }
        let org = ONE.parse().unwrap();
        has(&send(&mut staff, "suspend", org, TWO, "A chargeback").await, StatusCode::NOT_FOUND, &["Page not found"]);
    });
}
