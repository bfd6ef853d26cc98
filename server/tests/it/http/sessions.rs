//! Sessions and their cookie.

use axum::http::StatusCode;

use super::browser::{Browser, ONE, Site, with_site};
use crate::support::{TestServer, with_server};

const EMAIL: &str = "robin@bright-audio.test";
const DAY: i64 = 24 * 60 * 60;

async fn robin(server: &TestServer, site: &Site) -> Browser {
    let org = server.org("bright-audio", "pro").await;
    server.member(org, EMAIL).await;
    site.signed_in(EMAIL).await
}

async fn is_signed_in(browser: &mut Browser) -> bool {
    let page = browser.get("/billing").await;
    match page.status {
        StatusCode::OK => true,
        StatusCode::SEE_OTHER if page.location() == "/signin?next=%2Fbilling" => false,
        _ => panic!("{page:?}"),
    }
}

#[test]
fn scripts_and_other_sites_cannot_use_the_cookie() {
    with_server(async |server| {
        for (https, name) in [(false, "brightmeter="), (true, "__Host-brightmeter=")] {
            let site = Site::new(server, https);
            let mut browser = site.browser();
            if !https {
                robin(server, &site).await;
            }
            let page = browser.sign_in(EMAIL, "correct horse").await;
            let cookie = page.set_cookie().unwrap();
            assert!(cookie.starts_with(name), "{cookie}");
            let attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
            for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"] {
                assert!(attributes.contains(&attribute), "{cookie}");
            }
            assert_eq!(attributes.contains(&"Secure"), https, "{cookie}");
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
    });
}

#[test]
fn signing_in_changes_the_session_id_and_invalidates_a_planted_one() {
    with_site(async |server, site| {
        let planted = robin(server, site).await.cookie;
        let mut victim = site.browser();
        victim.cookie = Some("brightmeter=AAAAAAAAAAAAAAAAAAAAAA".into());
        victim.sign_in(EMAIL, "correct horse").await;
        assert_ne!(victim.cookie.as_deref(), Some("brightmeter=AAAAAAAAAAAAAAAAAAAAAA"));
        let mut again = site.browser();
        again.cookie = planted.clone();
        again.sign_in(EMAIL, "correct horse").await;
        assert_ne!(again.cookie, planted);
        let mut attacker = site.browser();
        attacker.cookie = planted;
        assert!(!is_signed_in(&mut attacker).await, "the id from before the sign-in");
        assert!(is_signed_in(&mut again).await);
    });
}

#[test]
fn a_copied_cookie_of_an_ended_session_is_invalid() {
    with_site(async |server, site| {
        let mut browser = robin(server, site).await;
        let mut stolen = browser.clone();
        assert!(is_signed_in(&mut stolen).await);
        let page = browser.post("/signout", &[]).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/signin?flash=signed-out"));
        assert!(!is_signed_in(&mut browser).await);
        assert!(!is_signed_in(&mut stolen).await);
        assert_eq!(server.query_value::<i64>("select count(*) from sessions").await, 0);
    });
}

/// The id in a browser's cookie.
fn id(browser: &Browser) -> String {
    browser.cookie.clone().unwrap().trim_start_matches("brightmeter=").to_owned()
}

#[test]
fn who_reads_the_sessions_in_the_database_can_use_none() {
    with_site(async |server, site| {
        let mut browser = robin(server, site).await;
        let stored: String = server.query_value("select id from sessions").await;
        assert_eq!(
            stored,
            server.query_value::<String>(format!("select encode(sha256('{}'), 'hex')", id(&browser))).await
        );
        let mut thief = site.browser();
        thief.cookie = Some(format!("brightmeter={stored}"));
        assert!(!is_signed_in(&mut thief).await);
        assert!(is_signed_in(&mut browser).await);
    });
}

#[test]
fn a_session_that_the_previous_version_stored_goes_on() {
    with_site(async |server, site| {
        let mut browser = robin(server, site).await;
        let id = id(&browser);
        server.as_owner(format!("update sessions set id = '{id}'")).await;
        assert!(is_signed_in(&mut browser).await);
        for _ in 0..2 {
            server.advance(6 * DAY);
            assert!(is_signed_in(&mut browser).await, "a visit extends it");
        }
        browser.post("/signout", &[]).await;
        assert_eq!(server.query_value::<i64>("select count(*) from sessions").await, 0);
    });
}

#[test]
fn an_unused_session_ends_after_a_week() {
    with_site(async |server, site| {
        let mut browser = robin(server, site).await;
        server.advance(7 * DAY - 1);
        assert!(is_signed_in(&mut browser).await);
        // The visit extended the session.
        server.advance(7 * DAY - 1);
        assert!(is_signed_in(&mut browser).await);
        server.advance(7 * DAY);
        assert!(!is_signed_in(&mut browser).await);
    });
}

#[test]
fn a_session_in_daily_use_ends_after_thirty_days() {
    with_site(async |server, site| {
        let mut browser = robin(server, site).await;
        for _ in 0..29 {
            server.advance(DAY);
            assert!(is_signed_in(&mut browser).await);
        }
        server.advance(DAY - 1);
        assert!(is_signed_in(&mut browser).await);
        server.advance(1);
        assert!(!is_signed_in(&mut browser).await);
        let mut browser = site.signed_in(EMAIL).await;
        assert!(is_signed_in(&mut browser).await);
    });
}

#[test]
fn a_removed_member_is_signed_out() {
    with_site(async |server, site| {
        let browser = robin(server, site).await;
        server.as_owner("delete from members").await;
        for path in ["/dashboard", "/quests", "/activity", "/activity.csv", "/billing"] {
            let mut browser = browser.clone();
            let page = browser.get(path).await;
            assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}: {}", page.text());
            assert!(page.location().starts_with("/signin?next="), "{path}: {}", page.location());
            assert_eq!(
                browser.get(page.location()).await.status,
                StatusCode::OK,
                "{path} and the sign-in send one in circles"
            );
        }
    });
}

#[test]
fn a_removed_member_cannot_change_anything() {
    with_site(async |server, site| {
        let mut browser = robin(server, site).await;
        server.as_owner("delete from members").await;
        let page = browser.post("/quests", &[("goal", "Sell more posters"), ("key", ONE)]).await;
        assert!(!page.location().starts_with("/quests"), "{page:?}");
        assert_eq!(server.query_value::<i64>("select count(*) from ai_token_holds").await, 0);
    });
}
