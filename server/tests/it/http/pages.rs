//! Pages, signed in and signed out.

use axum::http::StatusCode;

use super::browser::with_site;
use crate::support::{capture, held, hold, spend};

#[test]
fn a_signed_out_page_redirects_to_the_sign_in_and_back() {
    with_site(async |_, site| {
        for (path, leads_to) in [
            ("/dashboard", "/signin?next=%2Fdashboard"),
            ("/quests?job=1", "/signin?next=%2Fquests%3Fjob%3D1"),
            ("/quests/1", "/signin?next=%2Fquests%2F1"),
            ("/activity?from=2026-03-01", "/signin?next=%2Factivity%3Ffrom%3D2026-03-01"),
            ("/activity.csv", "/signin?next=%2Factivity.csv"),
            ("/billing", "/signin?next=%2Fbilling"),
        ] {
            let page = site.browser().get(path).await;
            assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, leads_to), "{path}");
        }
        for path in ["/switch", "/quests", "/quests/done"] {
            let page = site.browser().post(path, &[("goal", "Sell more posters")]).await;
            assert_eq!(
                (page.status, page.location()),
                (StatusCode::SEE_OTHER, "/signin?flash=session-ended"),
                "{path}"
            );
        }
        let page = site.browser().get("/signin?next=%2Fquests%3Fjob%3D1").await;
        assert_eq!((page.status, page.field("next").as_str()), (StatusCode::OK, "/quests?job=1"));
    });
}

#[test]
fn a_path_that_only_leptos_would_match_reaches_no_page() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.person(org, "robin@bright-audio.test", "owner").await;
        let mut signed_in = site.browser();
        signed_in.sign_in("robin@bright-audio.test", "correct horse").await;
        for path in ["/dashboard/", "/quests/", "/billing/", "/keys/", "/signin/", "/admin/", "/admin/organizations/"] {
            for page in [site.browser().get(path).await, signed_in.get(path).await] {
                assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
            }
        }
    });
}

#[test]
fn server_functions_require_a_sign_in() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        let page = site.browser().post("/ui/balances", &[]).await;
        assert!(!page.body.contains("200") && page.body.contains("sign_in_required"), "{page:?}");
        let page = site.signed_in("robin@bright-audio.test").await.post("/ui/balances", &[]).await;
        assert!(page.status.is_success() && page.body.contains("\"available\":200"), "{page:?}");
    });
}

#[test]
fn the_dashboard_shows_the_booked_balances() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        server.submit(org, spend("revenue_forecast")).await.unwrap();
        let job = held(&server.submit(org, hold("lead_generation", 600)).await.unwrap());
        server.submit(org, hold("quest_generation", 600)).await.unwrap();
        server.submit(org, capture(job, Some(3))).await.unwrap();
        server.submit(org, spend("strategy_analysis")).await.unwrap();
        let page = site.signed_in("robin@bright-audio.test").await.get("/dashboard").await;
        assert_eq!(page.status, StatusCode::OK);
        let numbers = ["available-ai", "held-ai", "settled-ai", "available-deep", "held-deep", "settled-deep"];
        assert_eq!(numbers.map(|id| page.number(id)), ["177", "5", "182", "18", "0", "18"]);
        let bars: Vec<&str> = page.body.split("role=\"progressbar\"").skip(1).collect();
        assert_eq!(bars.len(), 2);
        assert!(bars[0].contains("aria-valuenow=\"177\"") || bars[0].contains("aria-valuenow=\"182\""), "{}", bars[0]);
        assert!(page.body.matches("data-seq=").count() >= 5, "the newest entries");
        assert_eq!(page.header("cache-control"), Some("no-store"));
    });
}

#[test]
fn the_dashboard_books_due_changes_first() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        server.submit(org, spend("revenue_forecast")).await.unwrap();
        server.advance(31 * 24 * 60 * 60);
        let page = site.signed_in("robin@bright-audio.test").await.get("/dashboard").await;
        assert_eq!(page.number("available-ai"), "200");
    });
}

#[test]
fn an_unknown_path_is_not_found() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        for mut browser in [site.browser(), site.signed_in("robin@bright-audio.test").await] {
            for path in ["/nowhere", "/dashboard2", "/api/v1/test-clock", "/quests/x/y", "/.env"] {
                let page = browser.get(path).await;
                let signed_out = browser.cookie.is_none() && page.status == StatusCode::SEE_OTHER;
                assert!(page.status == StatusCode::NOT_FOUND || signed_out, "{path}: {}", page.status);
            }
        }
    });
}
