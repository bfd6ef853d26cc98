//! Data of other organizations is not found.

use axum::http::StatusCode;

use super::browser::{Browser, ONE, Site, with_site};
use crate::support::TestServer;

/// Two organizations, each with a member and a job.
async fn two(server: &TestServer, site: &Site) -> [(Browser, String); 2] {
    let mut both = Vec::new();
    for slug in ["bright-audio", "stagecraft"] {
        let org = server.org(slug, "pro").await;
        let email = format!("robin@{slug}.test");
        server.member(org, &email).await;
        let mut browser = site.signed_in(&email).await;
        let goal = format!("Grow {slug}");
        let page = browser.post("/quests", &[("goal", &goal), ("key", ONE)]).await;
        both.push((browser, page.location().rsplit('=').next().unwrap().to_owned()));
    }
    both.try_into().ok().unwrap()
}

#[test]
fn another_organizations_job_is_not_found() {
    with_site(async |server, site| {
        let [(mut browser, mine), (_, theirs)] = two(server, site).await;
        for job in [theirs.as_str(), "00000000-0000-0000-0000-000000000000", "x", "'"] {
            for path in [format!("/quests?job={job}"), format!("/quests/{job}")] {
                let page = browser.get(&path).await;
                assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}: {}", page.text());
                assert!(!page.body.contains("Grow stagecraft"), "{path}");
            }
        }
        let page = browser.post("/ui/job", &[("id", &theirs)]).await;
        assert!(!page.status.is_success() && page.body.contains("not_found"), "{page:?}");
        assert_eq!(browser.get(&format!("/quests/{mine}")).await.status, StatusCode::OK);
    });
}

#[test]
fn another_organizations_quest_cannot_be_marked() {
    with_site(async |server, site| {
        let [(mut browser, mine), (_, theirs)] = two(server, site).await;
        let page = browser.post("/quests/done", &[("job", &theirs), ("position", "1"), ("done", "true")]).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        let marked = "select count(*) from quests where done_at is not null";
        assert_eq!(server.query_value::<i64>(marked).await, 0);
        browser.post("/quests/done", &[("job", &mine), ("position", "1"), ("done", "true")]).await;
        assert_eq!(server.query_value::<i64>(marked).await, 1);
    });
}

#[test]
fn a_user_can_switch_only_between_their_own_organizations() {
    with_site(async |server, site| {
        let [(mut browser, _), _] = two(server, site).await;
        for org in ["stagecraft", "nowhere", ""] {
            let page = browser.post("/switch", &[("org", org)]).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{org}");
        }
        assert!(!browser.get("/dashboard").await.body.contains("stagecraft"));
        let user = server.query_value("select id from users where email = 'robin@bright-audio.test'").await;
        let org = server.query_value("select id from organizations where slug = 'stagecraft'").await;
        let (user, org) = (brightmeter::ids::UserId(user), brightmeter::ids::OrgId(org));
        server.provisioning.add_member(org, user, brightmeter::access::role::Role::Admin).await.unwrap();
        let page = browser.post("/switch", &[("org", "stagecraft"), ("next", "//evil.example")]).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/dashboard?flash=switched"));
        let quests = browser.get("/quests").await;
        assert!(quests.text().contains("Your quests"), "{}", quests.text());
        assert!(browser.get("/activity").await.body.contains("stagecraft"));
    });
}

#[test]
fn a_dashboard_shows_only_its_own_organization() {
    with_site(async |server, site| {
        let [(mut browser, mine), (_, theirs)] = two(server, site).await;
        for path in ["/dashboard", "/quests", "/activity", "/activity.csv", "/billing"] {
            let body = browser.get(path).await.body;
            assert!(!body.contains(&theirs) && !body.to_lowercase().contains("stagecraft"), "{path}");
        }
        assert!(browser.get("/activity").await.body.contains(&mine));
    });
}
