//! Creating and revoking API keys in the browser.

use axum::http::StatusCode;

use super::browser::{Browser, ONE, Page, Site, with_site};
use crate::support::TestServer;

const EMAIL: &str = "robin@bright-audio.test";

async fn owner(server: &TestServer, site: &Site) -> Browser {
    let org = server.org("bright-audio", "pro").await;
    server.person(org, EMAIL, "owner").await;
    site.signed_in(EMAIL).await
}

async fn create(browser: &mut Browser, id: &str, name: &str, scope: &str, days: &str) -> Page {
    browser.post("/keys", &[("id", id), ("name", name), ("scope", scope), ("days", days)]).await
}

#[test]
fn an_api_keys_secret_is_shown_once_and_only_its_hash_is_stored() {
    with_site(async |server, site| {
        let mut browser = owner(server, site).await;
        assert!(browser.get("/keys").await.text().contains("No API keys yet"));
        let page = create(&mut browser, ONE, "billing", "spend", "90").await;
        assert_eq!(page.status, StatusCode::OK);
        let secret = page.body.split("value=\"bm_live_").nth(1).unwrap().split('"').next().unwrap();
        let secret: brightmeter::access::api_key::Secret = format!("bm_live_{secret}").parse().unwrap();
        assert!(server.api_keys.identify(&secret).await.unwrap().is_some());
        let page = browser.get("/keys").await;
        assert!(page.text().contains("billing") && page.text().contains(secret.shown()), "{}", page.text());
        assert!(!page.body.contains(secret.reveal()), "shown a second time");
        let row: String = server.query_value("select api_keys::text from api_keys").await;
        assert!(!row.contains(secret.reveal()), "{row}");
    });
}

#[test]
fn a_form_that_is_sent_twice_creates_one_api_key() {
    with_site(async |server, site| {
        let mut browser = owner(server, site).await;
        assert_eq!(create(&mut browser, ONE, "billing", "read", "").await.status, StatusCode::OK);
        let page = create(&mut browser, ONE, "billing", "read", "").await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text().contains("already been created"), "{}", page.text());
        assert_eq!(server.query_value::<i64>("select count(*) from api_keys").await, 1);
    });
}

#[test]
fn an_invalid_api_key_shows_the_error_at_its_field_and_keeps_the_input() {
    with_site(async |server, site| {
        let mut browser = owner(server, site).await;
        for (name, scope, days, message) in [
            ("  ", "read", "30", "A name must have 1 to 100 characters on one line."),
            (&*"x".repeat(101), "read", "30", "A name must have 1 to 100 characters on one line."),
            ("nul\0", "read", "30", "A name must have 1 to 100 characters on one line."),
            ("two\nlines", "read", "30", "A name must have 1 to 100 characters on one line."),
            ("bell\u{7}", "read", "30", "A name must have 1 to 100 characters on one line."),
            ("billing", "all", "30", "Choose a permission."),
            ("billing", "read", "-1", "Choose when the API key expires."),
            ("billing", "read", "0", "An API key must expire in the future"),
        ] {
            let page = create(&mut browser, ONE, name, scope, days).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(page.text().contains(message), "{message}: {}", page.text());
            let kept = page.body.contains(&format!("value=\"{name}\""));
            assert!(kept || name.contains(char::is_control), "{name} is lost");
        }
        assert_eq!(server.query_value::<i64>("select count(*) from api_keys").await, 0);
    });
}

#[test]
fn a_revoked_api_key_stays_listed_and_is_revoked_once() {
    with_site(async |server, site| {
        let mut browser = owner(server, site).await;
        create(&mut browser, ONE, "billing", "manage", "").await;
        for _ in 0..2 {
            let page = browser.post("/keys/revoke", &[("id", ONE)]).await;
            assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/keys?flash=key-revoked"));
            server.advance(60);
        }
        let page = browser.get("/keys").await.text();
        assert!(page.contains("revoked on") && !page.contains("Yes, revoke it"), "{page}");
        let since = "select revoked_at = created_at from api_keys";
        assert!(server.query_value::<bool>(since).await, "the second time moved it");
    });
}

#[test]
fn members_and_other_organizations_cannot_manage_api_keys() {
    with_site(async |server, site| {
        let mut browser = owner(server, site).await;
        create(&mut browser, ONE, "billing", "manage", "").await;
        let org = server.org("stagecraft", "pro").await;
        server.person(org, "ada@stagecraft.test", "admin").await;
        server.member(org, "max@stagecraft.test").await;
        let mut admin = site.signed_in("ada@stagecraft.test").await;
        assert!(!admin.get("/keys").await.text().contains("billing"));
        assert_eq!(admin.post("/keys/revoke", &[("id", ONE)]).await.status, StatusCode::NOT_FOUND);
        let mut member = site.signed_in("max@stagecraft.test").await;
        assert_eq!(member.get("/keys").await.status, StatusCode::FORBIDDEN);
        assert!(!member.get("/dashboard").await.body.contains("href=\"/keys\""));
        assert_eq!(create(&mut member, ONE, "mine", "read", "").await.status, StatusCode::FORBIDDEN);
        assert_eq!(member.post("/keys/revoke", &[("id", ONE)]).await.status, StatusCode::FORBIDDEN);
        assert_eq!(server.query_value::<i64>("select count(*) from api_keys where revoked_at is null").await, 1);
    });
}
