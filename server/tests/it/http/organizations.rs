//! Staff look for organizations, suspend their licenses by hand, and lift that.

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

/// Sends the form of an organization's page: `suspend` or `lift`.
async fn send(staff: &mut Browser, act: &str, org: OrgId, key: &str, reason: &str) -> Page {
    let org = org.to_string();
    staff.post(&format!("{LIST}/{act}"), &[("org", &org), ("key", key), ("reason", reason)]).await
}

/// The steps of all licenses: state, what is off, why, and by whom of the staff.
async fn log(server: &TestServer) -> Vec<String> {
    let sql = "select coalesce(array_agg(concat_ws(', ', l.state, l.off, l.reason, u.email) order by l.booked_at, l.number), '{}')
               from ai_token_license_log l left join users u on u.id = l.staff_id";
    server.ask(sql).await
}

#[track_caller]
fn has(page: &Page, status: StatusCode, parts: &[&str]) {
    assert_eq!(page.status, status, "{}", page.text());
    for part in parts {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
}

#[test]
fn staff_suspend_a_license_and_all_ai_stops_until_they_lift_it() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.person(org, "owner@bright-audio.test", "owner").await;
        let api = Api::new(server, org).await;
        let (mut staff, mut owner) = (site.staff(server).await, site.signed_in("owner@bright-audio.test").await);
        has(&staff.get(LIST).await, StatusCode::OK, &["1 organization", "bright-audio", "Pro", "Active"]);
        let page = staff.get(&page_of(org)).await;
        has(&page, StatusCode::OK, &["Suspend the license", "All AI stops at once", "active all the time"]);

        // Sent twice, it is done once.
        let key = page.field("key");
        let leads_to = format!("{}?told=license-suspended", page_of(org));
        for _ in 0..2 {
            let sent = send(&mut staff, "suspend", org, &key, " A chargeback ").await;
            assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, leads_to.as_str()), "{}", sent.text());
        }
        let parts = ["Suspended by staff", "Support suspended AI.", "Sam: A chargeback", "Lift the suspension"];
        has(&staff.get(&leads_to).await, StatusCode::OK, &parts);
        has(&staff.get(LIST).await, StatusCode::OK, &["Suspended by staff"]);

        let refused = api.post("/tokens/deduct", "order-1", PING).await;
        assert_eq!(refused.problem(), (403, "license_suspended".into()));
        assert_eq!(refused.field("/detail"), "AI is suspended for this organization: ask support.");
        assert!(refused.json()["action_url"].is_null(), "there is nothing to pay");
        let license = api.get("/license").await;
        let told = ["/state", "/stage", "/by", "/since"].map(|field| license.field(field));
        assert_eq!(told, ["suspended", "ai", "staff", "2026-03-10T09:00:00Z"]);

        for path in ["/dashboard", "/quests", "/billing", "/license"] {
            let page = owner.get(path).await;
            assert!(page.body.contains("support has suspended it for your organization"), "{path}");
            assert!(!page.body.contains("chargeback"), "{path}: why is for staff alone");
        }
        let parts = ["AI is suspended", "Support suspended it on 10 Mar 2026. No payment lifts that: ask support."];
        has(&owner.get("/license").await, StatusCode::OK, &parts);
        let billing = owner.get("/billing").await;
        has(&billing, StatusCode::OK, &["nothing is sold to it now"]);
        assert!(!billing.body.contains("action=\"/billing/buy\""));
        let bought = owner.post("/billing/buy", &[("id", ONE), ("pack", "booster")]).await;
        has(&bought, StatusCode::UNPROCESSABLE_ENTITY, &["the tokens could not be spent. Ask support first."]);
        let from = server.clock.now().timestamp().to_string();
        let chosen = owner.post("/billing/plan", &[("id", TWO), ("plan", "enterprise"), ("from", &from)]).await;
        has(&chosen, StatusCode::UNPROCESSABLE_ENTITY, &["no plan is sold to it now. Ask support first."]);
        let orders = "select (select count(*) from ai_token_purchases) + (select count(*) from ai_token_plan_orders)";
        assert_eq!(server.ask::<i64>(orders).await, 0);

        server.pass(60);
        let key = staff.get(&page_of(org)).await.field("key");
        let sent = send(&mut staff, "lift", org, &key, "It was a mistake").await;
        let leads_to = format!("{}?told=suspension-lifted", page_of(org));
        assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, leads_to.as_str()), "{}", sent.text());
        has(&staff.get(&leads_to).await, StatusCode::OK, &["Active", "Sam: It was a mistake", "Suspend the license"]);
        assert_eq!(api.post("/tokens/deduct", "order-1", PING).await.status, StatusCode::OK, "under the same key");
        assert!(!owner.get("/dashboard").await.body.contains("suspended"));
        has(&owner.get("/license").await, StatusCode::OK, &["Support lifted the suspension: everything is on."]);
        assert!(owner.get("/billing").await.body.contains("action=\"/billing/buy\""));
        assert_eq!(
            log(server).await,
            [
                "stopped, ai, A chargeback, staff@brightmeter.test",
                "active, nothing, It was a mistake, staff@brightmeter.test",
            ]
        );
        let emails: i64 = server.ask("select count(*) from emails where kind = 'license' and sent_at is null").await;
        assert_eq!(emails, 2);
    });
}

#[test]
fn without_a_reason_nothing_is_suspended_and_nothing_that_was_typed_is_lost() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        let mut staff = site.staff(server).await;
        for reason in ["", "   ", "two\nlines", &*"x".repeat(501)] {
            let page = send(&mut staff, "suspend", org, ONE, reason).await;
            has(&page, StatusCode::UNPROCESSABLE_ENTITY, &["Say why, on one line of at most 500 characters", "Active"]);
            assert!(page.body.contains("aria-describedby=\"reason-hint reason-error\""), "{}", page.body);
            assert_eq!(page.field("reason"), reason);
        }
        for key in ["", "1"] {
            let page = send(&mut staff, "suspend", org, key, "A chargeback").await;
            has(&page, StatusCode::UNPROCESSABLE_ENTITY, &["This form was out of date."]);
            assert_eq!(page.field("reason"), "A chargeback");
            assert_ne!(page.field("key"), key, "it can be sent as it is");
        }
        assert_eq!(log(server).await, [""; 0]);
    });
}

#[test]
fn what_another_person_has_done_meanwhile_is_told_and_done_no_second_time() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        let mut staff = site.staff(server).await;
        let page = send(&mut staff, "lift", org, ONE, "It was a mistake").await;
        has(&page, StatusCode::CONFLICT, &["It is not suspended by staff", "Suspend the license"]);
        send(&mut staff, "suspend", org, ONE, "A chargeback").await;
        let page = send(&mut staff, "suspend", org, TWO, "Spam").await;
        has(&page, StatusCode::CONFLICT, &["It is suspended already", "Lift the suspension", "Sam: A chargeback"]);
        assert_eq!(page.field("reason"), "", "why it was suspended is no reason to lift it");
        let page = send(&mut staff, "suspend", org, ONE, "Spam").await;
        has(&page, StatusCode::UNPROCESSABLE_ENTITY, &["This form was sent before with another reason."]);
        assert_eq!(log(server).await, ["stopped, ai, A chargeback, staff@brightmeter.test"]);
    });
}

#[test]
fn organizations_are_found_by_a_part_of_their_name_or_slug() {
    with_site(async |server, site| {
        let mut staff = site.staff(server).await;
        has(&staff.get(LIST).await, StatusCode::OK, &["No organization", "No organizations yet"]);
        for slug in ["bright-audio", "stagecraft", "audio-lab"] {
            server.org(slug, "starter").await;
        }
        let mut check = async |query: &str, parts: &[&str]| {
            has(&staff.get(&format!("{LIST}{query}")).await, StatusCode::OK, parts);
        };
        check("", &["3 organizations", "audio-lab · Starter", "bright-audio · Starter", "stagecraft · Starter"]).await;
        check("?q=%20AUDIO%20", &["2 organizations with “AUDIO”", "audio-lab", "bright-audio"]).await;
        check("?q=craft", &["1 organization with “craft”", "stagecraft"]).await;
        check("?q=%25", &["No organization with “%”", "Nothing found", "All organizations"]).await;
        check("?q=%3Cb%3E", &["No organization with “<b>”"]).await;
        check("?q=%00", &["3 organizations"]).await;
        check(&format!("?q={}", "x".repeat(2_000)), &["Nothing found"]).await;
    });
}

#[test]
fn an_organization_that_is_not_there_is_not_found() {
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
