//! User profiles: the password and sessions.

use axum::http::StatusCode;

use super::browser::{Browser, Page, Site, with_site};
use crate::support::TestServer;

const EMAIL: &str = "robin@bright-audio.test";
const OLD: &str = "correct horse";
const NEW: &str = "battery staple battery";

async fn robin(server: &TestServer, site: &Site) -> Browser {
    let org = server.org("bright-audio", "pro").await;
    server.member(org, EMAIL).await;
    site.signed_in(EMAIL).await
}

async fn change(browser: &mut Browser, current: &str, new: &str) -> Page {
    browser.post("/account/password", &[("username", EMAIL), ("current", current), ("new", new)]).await
}

async fn is_signed_in(browser: &mut Browser) -> bool {
    browser.get("/billing").await.status == StatusCode::OK
}

#[test]
fn a_new_password_ends_every_other_session_and_the_old_password() {
    with_site(async |server, site| {
        let mut here = robin(server, site).await;
        let mut elsewhere = site.signed_in(EMAIL).await;
        assert!(here.get("/account").await.text().contains("You have 2 active sessions, including this one."));
        let before = here.cookie.clone();
        let page = change(&mut here, OLD, NEW).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/account?flash=password-changed"));
        assert_ne!(here.cookie, before, "the session continues under a new id");
        let page = here.get("/account?flash=password-changed").await.text();
        assert!(
            page.contains("Password changed") && page.contains("You have 1 active session, in this browser."),
            "{page}"
        );
        assert!(!is_signed_in(&mut elsewhere).await);
        let mut old = site.browser();
        old.cookie = before;
        assert!(!is_signed_in(&mut old).await, "the old session id is invalid");
        assert_eq!(site.browser().sign_in(EMAIL, OLD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(site.browser().sign_in(EMAIL, NEW).await.status, StatusCode::SEE_OTHER);
    });
}

#[test]
fn a_wrong_current_or_too_short_new_password_changes_nothing() {
    with_site(async |server, site| {
        let mut here = robin(server, site).await;
        for (current, new, message) in [
            ("wrong", NEW, "Your current password is incorrect."),
            (OLD, "eleven char", "Your new password must have 12 to 1000 characters."),
            (OLD, "", "Your new password must have 12 to 1000 characters."),
        ] {
            let page = change(&mut here, current, new).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(page.text().contains(message), "{}", page.text());
            assert!(!page.body.contains(NEW), "a typed password is not shown again");
        }
        assert!(is_signed_in(&mut here).await);
        assert_eq!(site.browser().sign_in(EMAIL, OLD).await.status, StatusCode::SEE_OTHER);
    });
}

#[test]
fn the_current_password_cannot_be_guessed_forever() {
    with_site(async |server, site| {
        let mut here = robin(server, site).await;
        for _ in 0..10 {
            assert!(change(&mut here, "wrong", NEW).await.text().contains("Your current password is incorrect."));
        }
        assert!(change(&mut here, OLD, NEW).await.text().contains("Too many attempts. Try again in 15 minutes."));
        server.advance(15 * 60 + 1);
        assert_eq!(change(&mut here, OLD, NEW).await.status, StatusCode::SEE_OTHER);
    });
}

#[test]
fn signing_out_everywhere_ends_all_sessions_of_that_user_only() {
    with_site(async |server, site| {
        let mut here = robin(server, site).await;
        let mut elsewhere = site.signed_in(EMAIL).await;
        let org = server.org("stagecraft", "pro").await;
        server.member(org, "kim@stagecraft.test").await;
        let mut kim = site.signed_in("kim@stagecraft.test").await;
        let page = here.post("/account/sign-out-everywhere", &[]).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/signin?flash=signed-out-everywhere"));
        assert!(!is_signed_in(&mut here).await && !is_signed_in(&mut elsewhere).await);
        assert!(is_signed_in(&mut kim).await);
    });
}

#[test]
fn the_account_page_requires_a_sign_in() {
    with_site(async |_, site| {
        let mut anonymous = site.browser();
        assert_eq!(anonymous.get("/account").await.location(), "/signin?next=%2Faccount");
        assert_eq!(change(&mut anonymous, OLD, NEW).await.location(), "/signin?flash=session-ended");
        assert_eq!(anonymous.post("/account/sign-out-everywhere", &[]).await.location(), "/signin?flash=session-ended");
    });
}
