//! Health checks, readiness and request ids.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};

use super::browser::{FORM, with_site};

#[test]
fn health_reports_the_process_and_readiness_the_database() {
    with_site(async |server, site| {
        let page = site.browser().get("/healthz").await;
        assert_eq!((page.status, page.body.as_str()), (StatusCode::OK, "ok\n"));
        let page = site.browser().get("/readyz").await;
        assert_eq!((page.status, page.body.as_str()), (StatusCode::OK, "ready\n"));
        server
            .as_owner("delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)")
            .await;
        let page = site.browser().get("/readyz").await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(page.body.contains("brightmeter migrate"), "{}", page.body);
        assert_eq!(site.browser().get("/healthz").await.status, StatusCode::OK);
    });
}

#[test]
fn a_target_that_is_no_path_of_ours_is_a_client_error() {
    with_site(async |_, site| {
        let long = "x".repeat(5_000);
        for (method, target, status) in [
            ("CONNECT", "x:443".to_owned(), StatusCode::BAD_REQUEST),
            ("OPTIONS", "*".to_owned(), StatusCode::BAD_REQUEST),
            ("GET", format!("/pkg/{long}"), StatusCode::URI_TOO_LONG),
            ("GET", format!("/pkg/{}", "x/".repeat(2_000)), StatusCode::URI_TOO_LONG),
            ("GET", format!("/pkg/{}", "x".repeat(250)), StatusCode::NOT_FOUND),
            ("GET", "/pkg/%00".to_owned(), StatusCode::NOT_FOUND),
            ("GET", "/pkg/..%2f..%2fetc%2fpasswd".to_owned(), StatusCode::NOT_FOUND),
            ("GET", format!("/{long}"), StatusCode::URI_TOO_LONG),
            ("GET", format!("/api/v1/tokens/holds/{long}"), StatusCode::URI_TOO_LONG),
            ("GET", "/%00".to_owned(), StatusCode::NOT_FOUND),
            ("GET", "/%ff".to_owned(), StatusCode::NOT_FOUND),
            ("TRACE", "/signin".to_owned(), StatusCode::METHOD_NOT_ALLOWED),
        ] {
            let request = Request::builder().method(method).uri(&target);
            let page = site.browser().send(request, Body::empty()).await;
            assert_eq!(page.status, status, "{method} {}", &target[..target.len().min(40)]);
        }
        let signin = format!("/signin?next=/{}", "x".repeat(5_000));
        assert_eq!(site.browser().get(&signin).await.status, StatusCode::OK, "only the path is limited");
    });
}

#[test]
fn every_response_carries_its_request_id() {
    with_site(async |_, site| {
        let mut seen = std::collections::BTreeSet::new();
        for path in ["/healthz", "/readyz", "/signin", "/nowhere", "/dashboard"] {
            let page = site.browser().get(path).await;
            assert!(seen.insert(page.header("x-request-id").unwrap().to_owned()), "{path}");
        }
        for theirs in ["from-the-proxy", &"x".repeat(20_000), "two words"] {
            let request = Request::get("/healthz").header("x-request-id", theirs);
            let page = site.browser().send(request, Body::empty()).await;
            assert_ne!(page.header("x-request-id"), Some(theirs));
            assert!(seen.insert(page.header("x-request-id").unwrap().to_owned()));
        }
    });
}

#[test]
fn an_error_page_shows_the_request_id() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        let mut browser = site.signed_in("robin@bright-audio.test").await;
        server.as_owner("alter table ai_token_daily rename to lost").await;
        let page = browser.get("/dashboard").await;
        assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
        let id = page.header("x-request-id").unwrap();
        assert!(page.text().contains(&format!("mention {id}")), "{id}: {}", page.text());
        server.as_owner("alter table lost rename to ai_token_daily").await;
    });
}

#[test]
fn an_email_that_postgres_cannot_hold_is_refused_at_its_field() {
    with_site(async |server, site| {
        for email in ["robin\0@bright-audio.test", "robin@bright-audio.test\0", "@\u{1b}", "a b@c", "\0", "a@b@c"] {
            let page = site.browser().sign_in(email, "correct horse").await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{email:?}");
            assert!(page.text().contains("Enter your email address."), "{email:?}: {}", page.text());
        }
        assert_eq!(server.query_value::<i64>("select count(*) from sign_in_failures").await, 0);
    });
}

#[test]
fn a_malformed_form_is_a_client_error() {
    with_site(async |_, site| {
        let post = || Request::post("/signin").header("sec-fetch-site", "same-origin");
        for (request, body) in [
            (post().header("content-type", "application/json"), "{}".to_owned()),
            (post().header("content-type", FORM), "email=%FF&password=%00".to_owned()),
            (post().header("content-type", FORM), "email=a&email=b".to_owned()),
            (post().header("content-type", FORM), "x".repeat(70_000)),
            (post(), "email".to_owned()),
        ] {
            let page = site.browser().send(request, Body::from(body.clone())).await;
            assert!(page.status.is_client_error(), "{}: {}", &body[..body.len().min(40)], page.status);
        }
    });
}
