//! Signing in.

use axum::http::StatusCode;

use super::browser::{Page, Site, with_site};
use crate::support::{TestServer, with_server};

const EMAIL: &str = "robin@bright-audio.test";

async fn robin(server: &TestServer) {
    let org = server.org("bright-audio", "pro").await;
    server.member(org, EMAIL).await;
}

fn is_refused(page: &Page, message: &str) {
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text().contains(message), "{}", page.text());
    assert!(page.set_cookie().is_none());
}

#[test]
fn the_right_password_leads_where_one_wanted_to_go() {
    with_site(async |server, site| {
        robin(server).await;
        let mut browser = site.browser();
        let fields =
            [("email", " Robin@Bright-Audio.test "), ("password", "correct horse"), ("next", "/activity?feature=ping")];
        let page = browser.post("/signin", &fields).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/activity?feature=ping"));
        assert_eq!(browser.get("/activity").await.status, StatusCode::OK);
    });
}

#[test]
fn an_unknown_account_and_a_wrong_password_are_told_apart_by_nothing() {
    with_site(async |server, site| {
        robin(server).await;
        let wrong = site.browser().sign_in(EMAIL, "wrong").await;
        let unknown = site.browser().sign_in("nobody@bright-audio.test", "wrong").await;
        is_refused(&wrong, "Email or password is wrong.");
        assert_eq!(unknown.status, wrong.status);
        // Outside of it stands a nonce, another one in every answer.
        assert_eq!(unknown.main().replace("nobody@", "robin@"), wrong.main());
        let mut headers = [wrong.headers, unknown.headers];
        headers.iter_mut().for_each(|headers| drop(headers.remove("x-request-id")));
        headers.iter_mut().for_each(|headers| drop(headers.remove("content-length")));
        headers.iter_mut().for_each(|headers| drop(headers.remove("content-security-policy")));
        assert_eq!(headers[0], headers[1]);
    });
}

#[test]
fn empty_fields_get_their_messages_and_the_email_is_kept() {
    with_site(async |server, site| {
        robin(server).await;
        let page = site.browser().sign_in(EMAIL, "").await;
        is_refused(&page, "Write your password.");
        assert_eq!(page.field("email"), EMAIL);
        let page = site.browser().sign_in("robin", "correct horse").await;
        is_refused(&page, "Write the email address of your account.");
        assert_eq!(page.field("email"), "robin");
        assert!(!page.body.contains("correct horse"), "a password is never sent back");
        let page = site.browser().sign_in("", "").await;
        is_refused(&page, "Write your password.");
        is_refused(&page, "Write the email address of your account.");
        is_refused(&site.browser().sign_in(EMAIL, &"x".repeat(1_001)).await, "at most 1,000 characters");
        let page = site.browser().post("/signin", &[("email", EMAIL), ("staff", "true")]).await;
        assert!(page.status.is_client_error(), "a field that the form does not have");
    });
}

#[test]
fn text_in_a_form_comes_back_as_text() {
    with_site(async |_, site| {
        let page = site.browser().sign_in("\"><script>alert(1)</script>", "").await;
        assert!(!page.body.contains("<script>alert"), "{}", page.body);
    });
}

#[test]
fn ten_failures_make_an_account_wait_even_with_the_right_password() {
    with_site(async |server, site| {
        robin(server).await;
        for failure in 0..10_u8 {
            let mut browser = site.browser();
            // From everywhere: the account counts, not the address.
            browser.address = [192, 0, 2, failure].into();
            is_refused(&browser.sign_in(EMAIL, "wrong").await, "Email or password is wrong.");
        }
        is_refused(&site.browser().sign_in(EMAIL, "correct horse").await, "Too many attempts. Try again in");
        is_refused(&site.browser().sign_in(&EMAIL.to_uppercase(), "correct horse").await, "Too many attempts.");
        server.pass(15 * 60 - 1);
        is_refused(&site.browser().sign_in(EMAIL, "correct horse").await, "Try again in 1 minute.");
        server.pass(1);
        site.signed_in(EMAIL).await;
    });
}

#[test]
fn a_success_forgets_the_failures_before_it() {
    with_site(async |server, site| {
        robin(server).await;
        for _ in 0..3 {
            for _ in 0..4 {
                site.browser().sign_in(EMAIL, "wrong").await;
            }
            site.signed_in(EMAIL).await;
        }
    });
}

#[test]
fn fifty_failures_make_an_address_wait_and_no_other() {
    with_site(async |server, site| {
        robin(server).await;
        // Already counted, so that the test need not hash fifty passwords.
        site.browser().sign_in("someone@bright-audio.test", "wrong").await;
        server.as_owner("update sign_in_failures set failures = 50 where failures = 1").await;
        is_refused(&site.browser().sign_in(EMAIL, "correct horse").await, "Too many attempts.");
        let mut elsewhere = site.browser();
        elsewhere.address = [198, 51, 100, 1].into();
        assert_eq!(elsewhere.sign_in(EMAIL, "correct horse").await.status, StatusCode::SEE_OTHER);
        server.pass(15 * 60);
        site.signed_in(EMAIL).await;
    });
}

#[test]
fn nobody_is_led_to_another_site() {
    with_site(async |server, site| {
        robin(server).await;
        for next in
            ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "\t//evil.example"]
        {
            let fields = [("email", EMAIL), ("password", "correct horse"), ("next", next)];
            assert_eq!(site.browser().post("/signin", &fields).await.location(), "/dashboard", "{next}");
        }
    });
}

#[test]
fn a_person_without_an_organization_is_told_so() {
    with_server(async |server| {
        server.provisioning.create_user("new@bright-audio.test", "New", "correct horse", false).await.unwrap();
        let site = Site::new(server, false);
        is_refused(
            &site.browser().sign_in("new@bright-audio.test", "correct horse").await,
            "belongs to no organization yet",
        );
    });
}
