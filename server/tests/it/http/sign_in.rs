//! Sign-in.

use axum::http::StatusCode;

use super::browser::{Browser, KNOWN, Page, Site, with_site};
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
fn the_right_password_leads_to_the_requested_page() {
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
fn an_unknown_account_and_a_wrong_password_get_the_same_response() {
    with_site(async |server, site| {
        robin(server).await;
        let wrong = site.browser().sign_in(EMAIL, "wrong").await;
        let unknown = site.browser().sign_in("nobody@bright-audio.test", "wrong").await;
        is_refused(&wrong, "Incorrect email or password.");
        assert_eq!(unknown.status, wrong.status);
        // Outside of the main part, the nonce differs in every response.
        assert_eq!(unknown.main().replace("nobody@", "robin@"), wrong.main());
        let mut headers = [wrong.headers, unknown.headers];
        headers.iter_mut().for_each(|headers| drop(headers.remove("x-request-id")));
        headers.iter_mut().for_each(|headers| drop(headers.remove("content-length")));
        headers.iter_mut().for_each(|headers| drop(headers.remove("content-security-policy")));
        assert_eq!(headers[0], headers[1]);
    });
}

#[test]
fn empty_fields_show_errors_and_the_email_is_kept() {
    with_site(async |server, site| {
        robin(server).await;
        let page = site.browser().sign_in(EMAIL, "").await;
        is_refused(&page, "Enter your password.");
        assert_eq!(page.field("email"), EMAIL);
        let page = site.browser().sign_in("robin", "correct horse").await;
        is_refused(&page, "Enter your email address.");
        assert_eq!(page.field("email"), "robin");
        assert!(!page.body.contains("correct horse"), "a password is never sent back");
        let page = site.browser().sign_in("", "").await;
        is_refused(&page, "Enter your password.");
        is_refused(&page, "Enter your email address.");
        is_refused(&site.browser().sign_in(EMAIL, &"x".repeat(1_001)).await, "at most 1,000 characters");
        let page = site.browser().post("/signin", &[("email", EMAIL), ("staff", "true")]).await;
        assert!(page.status.is_client_error(), "an unknown field");
    });
}

#[test]
fn form_input_is_escaped() {
    with_site(async |_, site| {
        let page = site.browser().sign_in("\"><script>alert(1)</script>", "").await;
        assert!(!page.body.contains("<script>alert"), "{}", page.body);
    });
}

/// A browser at the address of somebody who guesses.
fn guesser(site: &Site) -> Browser {
    let mut browser = site.browser();
    browser.address = [203, 0, 113, 66].into();
    browser
}

#[test]
fn ten_failures_throttle_an_account_from_their_address_only() {
    with_site(async |server, site| {
        robin(server).await;
        for _ in 0..10 {
            is_refused(&guesser(site).sign_in(EMAIL, "wrong").await, "Incorrect email or password.");
        }
        is_refused(&guesser(site).sign_in(EMAIL, "correct horse").await, "Too many attempts. Try again in");
        is_refused(&guesser(site).sign_in(&EMAIL.to_uppercase(), "correct horse").await, "Too many attempts.");
        site.signed_in(EMAIL).await;
        is_refused(&guesser(site).sign_in(EMAIL, "correct horse").await, "Too many attempts.");
        server.advance(15 * 60 - 1);
        is_refused(&guesser(site).sign_in(EMAIL, "correct horse").await, "Try again in 1 minute.");
        server.advance(1);
        assert_eq!(guesser(site).sign_in(EMAIL, "correct horse").await.status, StatusCode::SEE_OTHER);
    });
}

#[test]
fn guesses_from_many_addresses_throttle_an_account_but_no_known_browser() {
    with_site(async |server, site| {
        robin(server).await;
        let mut known = site.signed_in(EMAIL).await;
        known.post("/signout", &[]).await;
        assert!(known.cookie.is_none() && known.known.is_some());
        guesser(site).sign_in(EMAIL, "wrong").await;
        // Inserted directly, so that the test need not hash a hundred passwords. The account has one attempt more than
        // each of the two addresses.
        server.as_owner("update sign_in_failures set failures = 100 where failures = 2").await;
        is_refused(&site.browser().sign_in(EMAIL, "correct horse").await, "Too many attempts.");
        let mut elsewhere = known.clone();
        elsewhere.address = [203, 0, 113, 66].into();
        for browser in [&mut known, &mut elsewhere] {
            assert_eq!(browser.sign_in(EMAIL, "correct horse").await.status, StatusCode::SEE_OTHER);
        }
    });
}

#[test]
fn a_known_browser_has_ten_failures_of_its_own() {
    with_site(async |server, site| {
        robin(server).await;
        let mut known = site.signed_in(EMAIL).await;
        for _ in 0..10 {
            is_refused(&known.sign_in(EMAIL, "wrong").await, "Incorrect email or password.");
        }
        is_refused(&known.sign_in(EMAIL, "correct horse").await, "Too many attempts.");
        site.signed_in(EMAIL).await;
    });
}

#[test]
fn a_forged_browser_is_not_known() {
    with_site(async |server, site| {
        robin(server).await;
        server.member(server.org("stagecraft", "pro").await, "sam@stagecraft.test").await;
        let of_another = site.signed_in("sam@stagecraft.test").await.known;
        let mut own = site.signed_in(EMAIL).await.known.unwrap();
        own.replace_range(own.len() - 64.., &"0".repeat(64));
        for failure in 0..6 {
            for known in [of_another.clone(), Some(own.clone())] {
                let mut browser = guesser(site);
                browser.known = known;
                let message = if failure < 5 { "Incorrect email or password." } else { "Too many attempts." };
                is_refused(&browser.sign_in(EMAIL, "wrong").await, message);
            }
        }
    });
}

#[test]
fn the_cookie_of_a_known_browser_is_out_of_reach_for_scripts_and_other_sites() {
    with_server(async |server| {
        robin(server).await;
        for (https, name) in [(false, "brightmeter-browser="), (true, "__Host-brightmeter-browser=")] {
            let page = Site::new(server, https).browser().sign_in(EMAIL, "correct horse").await;
            let cookie = page.set_cookies().find(|set| set.contains(KNOWN)).unwrap();
            assert!(cookie.starts_with(name), "{cookie}");
            for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=31536000"] {
                assert!(cookie.split("; ").any(|found| found == attribute), "{cookie}");
            }
            assert_eq!(cookie.contains("Secure"), https, "{cookie}");
        }
    });
}

#[test]
fn a_success_clears_earlier_failures() {
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
fn fifty_failures_throttle_an_address_but_no_other() {
    with_site(async |server, site| {
        robin(server).await;
        // Inserted directly, so that the test need not hash fifty passwords.
        site.browser().sign_in("someone@bright-audio.test", "wrong").await;
        server.as_owner("update sign_in_failures set failures = 50 where failures = 1").await;
        is_refused(&site.browser().sign_in(EMAIL, "correct horse").await, "Too many attempts.");
        let mut elsewhere = site.browser();
        elsewhere.address = [198, 51, 100, 1].into();
        assert_eq!(elsewhere.sign_in(EMAIL, "correct horse").await.status, StatusCode::SEE_OTHER);
        server.advance(15 * 60);
        site.signed_in(EMAIL).await;
    });
}

#[test]
fn the_sign_in_never_redirects_to_another_site() {
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
fn a_user_without_an_organization_gets_an_explanation() {
    with_server(async |server| {
        server.provisioning.create_user("new@bright-audio.test", "New", "correct horse").await.unwrap();
        let site = Site::new(server, false);
        is_refused(
            &site.browser().sign_in("new@bright-audio.test", "correct horse").await,
            "You're not in an organization yet.",
        );
    });
}
