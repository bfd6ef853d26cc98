//! A person's own password and sessions.

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
        assert!(here.get("/account").await.text().contains("You are signed in 2 times, this browser included."));
        let before = here.cookie.clone();
        let page = change(&mut here, OLD, NEW).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/account?told=password-changed"));
        assert_ne!(here.cookie, before, "the session goes on under a new id");
        let page = here.get("/account?told=password-changed").await.text();
        assert!(page.contains("Password changed") && page.contains("You are signed in here only."), "{page}");
        assert!(!is_signed_in(&mut elsewhere).await);
        let mut old = site.browser();
        old.cookie = before;
        assert!(!is_signed_in(&mut old).await, "the id from before is worth nothing");
        assert_eq!(site.browser().sign_in(EMAIL, OLD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(site.browser().sign_in(EMAIL, NEW).await.status, StatusCode::SEE_OTHER);
    });
}

#[test]
fn the_password_stays_unless_the_current_one_is_known_and_the_new_one_is_long_enough() {
    with_site(async |server, site| {
        let mut here = robin(server, site).await;
        for (current, new, message) in [
            ("wrong", NEW, "That is not your current password."),
            (OLD, "eleven char", "A password has 12 to 1000 characters."),
            (OLD, "", "A password has 12 to 1000 characters."),
        ] {
            let page = change(&mut here, current, new).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(page.text().contains(message), "{}", page.text());
            assert!(!page.body.contains(NEW), "what was typed as a password is not shown again");
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
            assert!(change(&mut here, "wrong", NEW).await.text().contains("not your current password"));
        }
        assert!(change(&mut here, OLD, NEW).await.text().contains("Too many attempts. Try again in 15 minutes."));
        server.pass(15 * 60 + 1);
        assert_eq!(change(&mut here, OLD, NEW).await.status, StatusCode::SEE_OTHER);
    });
}

#[test]
fn signing_out_everywhere_ends_every_session_of_that_person_and_no_other() {
    with_site(async |server, site| {
        let mut here = robin(server, site).await;
        let mut elsewhere = site.signed_in(EMAIL).await;
        let org = server.org("stagecraft", "pro").await;
        server.member(org, "kim@stagecraft.test").await;
        let mut kim = site.signed_in("kim@stagecraft.test").await;
        let page = here.post("/account/sign-out-everywhere", &[]).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/signin?told=signed-out-everywhere"));
        assert!(!is_signed_in(&mut here).await && !is_signed_in(&mut elsewhere).await);
        assert!(is_signed_in(&mut kim).await);
    });
}

#[test]
fn an_account_is_only_for_whoever_is_signed_in() {
    with_site(async |_, site| {
        let mut nobody = site.browser();
        assert_eq!(nobody.get("/account").await.location(), "/signin?next=%2Faccount");
        assert_eq!(change(&mut nobody, OLD, NEW).await.location(), "/signin?told=session-ended");
        assert_eq!(nobody.post("/account/sign-out-everywhere", &[]).await.location(), "/signin?told=session-ended");
    });
}
