//! Cross-site requests.

use axum::http::{Request, StatusCode, header};

use super::browser::{FORM, ONE, form, with_site};

const FORMS: [&str; 10] = [
    "/signin",
    "/signout",
    "/switch",
    "/quests",
    "/quests/done",
    "/keys",
    "/keys/revoke",
    "/admin/events/replay",
    "/admin/reconciliation",
    "/admin/reconciliation/fix",
];

#[test]
fn every_form_rejects_a_post_from_another_site() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        let mut browser = site.signed_in("robin@bright-audio.test").await;
        let foreign = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "https://tokens.example.com.evil.example"),
        ];
        for path in FORMS.into_iter().chain(["/ui/balances", "/ui/job"]) {
            for (name, value) in foreign {
                let request = Request::post(path).header(name, value).header(header::CONTENT_TYPE, FORM);
                let fields = [("goal", "Sell more posters"), ("key", ONE)];
                let page = browser.send(request, form(&fields)).await;
                assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} with {name}: {value}");
            }
        }
        assert_eq!(browser.get("/dashboard").await.status, StatusCode::OK, "still signed in");
        assert_eq!(server.query_value::<i64>("select count(*) from ai_token_holds").await, 0);
    });
}

#[test]
fn a_plain_form_only_ever_leads_back_to_our_own_pages() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        for mut browser in [site.browser(), site.signed_in("robin@bright-audio.test").await] {
            for (referer, ours) in [
                ("https://evil.example/", false),
                ("https://tokens.example.com.evil.example/x", false),
                ("https://tokens.example.com@evil.example/", false),
                ("//evil.example", false),
                ("https://tokens.example.com/quests", true),
            ] {
                for path in ["/ui/balances", "/ui/job"] {
                    let request =
                        Request::post(path).header(header::CONTENT_TYPE, FORM).header(header::REFERER, referer);
                    let page = browser.send(request.header(header::ACCEPT, "text/html"), form(&[("job", "1")])).await;
                    let to = page.location();
                    let expected = if ours { to.starts_with("https://tokens.example.com/quests") } else { to == "/" };
                    assert!(expected, "{path} from {referer} leads to {to:?} ({})", page.status);
                }
                for path in ["/switch", "/signout", "/quests/done"] {
                    let fields =
                        [("org", "none"), ("next", referer), ("job", ONE), ("position", "1"), ("done", "true")];
                    let request =
                        Request::post(path).header(header::CONTENT_TYPE, FORM).header(header::REFERER, referer);
                    let page = browser.clone().send(request, form(&fields)).await;
                    assert!(!page.location().contains("evil"), "{path}: {}", page.location());
                }
            }
        }
    });
}

#[test]
fn a_link_from_another_site_changes_nothing() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        let mut browser = site.signed_in("robin@bright-audio.test").await;
        for path in FORMS {
            let address =
                format!("{path}?goal=Sell+more+posters&key={ONE}&org=bright-audio&job=1&position=1&done=true");
            let page = browser.send(Request::get(address).header("sec-fetch-site", "cross-site"), form(&[])).await;
            assert!(!page.status.is_server_error(), "{path}: {}", page.status);
        }
        assert_eq!(browser.get("/dashboard").await.status, StatusCode::OK, "still signed in");
        let moved = "select (select count(*) from ai_token_holds) + (select count(*) from quests)";
        assert_eq!(server.query_value::<i64>(moved).await, 0);
    });
}
