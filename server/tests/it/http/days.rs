//! Days on pages are those of the organization's time zone.

use brightmeter::ids::OrgId;
use chrono::NaiveDate;

use super::browser::{Browser, ONE, Site, with_site};
use crate::support::{TestServer, at, spend};

/// The instant in Auckland at which 29 November ends.
const MIDNIGHT: &str = "2026-11-29T11:00:00Z";

/// An organization in Auckland that used 5 AI tokens half an hour before midnight and 10 after it, and its member.
async fn auckland(server: &TestServer, site: &Site) -> (OrgId, Browser) {
    let org = server.org_in("Pacific/Auckland", "bright-audio", "pro").await;
    server.member(org, "robin@bright-audio.test").await;
    for (instant, feature) in [("2026-11-29T10:30:00Z", "quest_generation"), (MIDNIGHT, "lead_generation")] {
        server.clock.set(at(instant));
        server.submit(org, spend(feature)).await.unwrap();
    }
    (org, site.signed_in("robin@bright-audio.test").await)
}

#[test]
fn the_dashboard_and_the_activity_agree_on_days() {
    with_site(async |server, site| {
        let (_, mut browser) = auckland(server, site).await;
        let dashboard = browser.get("/dashboard").await;
        for text in ["<title>29 November: 5<", "<title>30 November: 10<", "peak on 30 November: 10"] {
            assert!(dashboard.body.contains(text), "{text}: {}", dashboard.body);
        }
        let zone = "Times and days are in Pacific/Auckland.";
        assert!(dashboard.body.contains(zone), "{}", dashboard.body);
        for (day, time) in [("2026-11-29", "23:30"), ("2026-11-30", "00:00")] {
            let activity = browser.get(&format!("/activity?from={day}&to={day}&feature=")).await;
            assert_eq!(activity.text().matches("Spent").count(), 1, "{day}: {}", activity.text());
            assert!(activity.text().contains(time), "{day}: {}", activity.text());
        }
    });
}

#[test]
fn a_quest_is_due_days_after_the_local_day() {
    with_site(async |server, site| {
        // The built-in provider answers the same goal with the same quests.
        let first_due = async |browser: &mut Browser| {
            let answer = browser.post("/quests", &[("goal", "Sell more posters"), ("key", ONE)]).await;
            assert!(answer.location().starts_with("/quests?job="), "{}", answer.location());
            let job = answer.location().split_once("job=").unwrap().1.to_owned();
            let sql = format!("select min(due_on) from quests where job_id = '{job}'");
            server.query_value::<NaiveDate>(&sql).await
        };
        let (_, mut browser) = auckland(server, site).await;
        let in_auckland = first_due(&mut browser).await;
        let org = server.org_in("UTC", "nightshift-labs", "pro").await;
        server.member(org, "kim@nightshift-labs.test").await;
        let in_utc = first_due(&mut site.signed_in("kim@nightshift-labs.test").await).await;
        assert_eq!((in_auckland - in_utc).num_days(), 1);
    });
}

#[test]
fn figures_by_days_in_utc_are_counted_anew_by_the_migration() {
    with_site(async |server, site| {
        auckland(server, site).await;
        server.org_in("UTC", "nightshift-labs", "pro").await;
        let figures = "select string_agg(format('%s %s %s', day, feature, tokens), ', ' order by day, feature)
            from ai_token_daily";
        let right = server.query_value::<String>(figures).await;
        assert_eq!(right, "2026-11-29 quest_generation 5, 2026-11-30 lead_generation 10");
        server.as_owner("update ai_token_daily set day = '2026-11-29'").await;
        assert!(!server.audit().await.ok);
        let migration = include_str!("../../../../migrations/20261130000016_days_of_organizations.sql");
        server.as_owner(migration).await;
        assert_eq!(server.query_value::<String>(figures).await, right);
        assert!(server.audit().await.ok);
    });
}
