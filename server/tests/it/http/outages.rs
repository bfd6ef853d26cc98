//! Pages and the API while the database is silent, overloaded or full.

use std::time::Duration;

use axum::http::StatusCode;
use server::{deadlines::REQUEST, service::writer::SubmitError};
use tokio::time::timeout;

use super::browser::{Browser, Page, Site};
use crate::support::{proxy::Proxy, spend, waiting::until, with_server};

/// Longer than the deadline of a request by what its answer takes to arrive.
const ANSWERED: Duration = REQUEST.saturating_add(Duration::from_millis(500));

async fn get(browser: &mut Browser, path: &str) -> Page {
    timeout(ANSWERED, browser.get(path)).await.expect("an answer within ten seconds")
}

#[test]
fn pages_say_that_the_database_is_silent_and_try_again() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        let proxy = Proxy::passing(&server.owner).await;
        let behind = server.behind(&proxy);
        let site = Site::new(&behind, false);
        let mut browser = site.signed_in("robin@bright-audio.test").await;
        assert_eq!(get(&mut browser, "/dashboard").await.status, StatusCode::OK);
        proxy.silence_all();
        for path in ["/dashboard", "/billing"] {
            let page = get(&mut browser, path).await;
            assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert!(page.header("retry-after").is_some(), "{path}");
            assert!(page.text().contains("We'll be right back"), "{path}: {}", page.text());
            assert!(page.body.contains(r#"http-equiv="refresh""#), "{path}");
        }
        let form = [("goal", "Sell more posters"), ("key", "1")];
        let page = timeout(ANSWERED, browser.post("/quests", &form)).await.unwrap();
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(page.text().contains("Reload the page to check"), "{}", page.text());
        assert!(!page.body.contains(r#"http-equiv="refresh""#));
        let ready = get(&mut browser, "/readyz").await;
        assert_eq!((ready.status, ready.header("retry-after").is_some()), (StatusCode::SERVICE_UNAVAILABLE, true));
        assert_eq!(get(&mut browser, "/healthz").await.status, StatusCode::OK);
        proxy.silence_open();
        let recovered = until("everything works again", async || {
            let pages = [get(&mut browser, "/readyz").await, get(&mut browser, "/dashboard").await];
            pages.iter().all(|page| page.status == StatusCode::OK)
        });
        timeout(Duration::from_secs(5), recovered).await.expect("within five seconds");
        drop((browser, site));
        behind.stop().await;
    });
}

#[test]
fn errors_that_mean_an_outage_are_503_and_nothing_is_charged() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        let site = Site::new(server, false);
        let mut browser = site.signed_in("robin@bright-audio.test").await;
        // Disk full, too many connections, lock timeout, statement timeout, shutdown, input/output error, deadlock.
        for code in ["53100", "53300", "55P03", "57014", "57P01", "58030", "40P01"] {
            let fail = format!("language plpgsql as $$ begin raise exception 'no' using errcode = '{code}'; end $$");
            server
                .as_owner(format!(
                    "alter table ai_token_daily rename to kept;
                     create function fail() returns bigint {fail};
                     create view ai_token_daily as
                         select fail()::text::uuid as org_id, fail()::text::date as day, token_type, feature, member_id, uses, tokens
                         from (select 1) one left join kept on true;
                     grant select on ai_token_daily to public;
                     create function refuse() returns trigger {fail};
                     create trigger refused before insert on ai_token_usage_log for each row execute function refuse()"
                ))
                .await;
            let page = get(&mut browser, "/dashboard").await;
            assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{code}: {}", page.text());
            assert!(page.header("retry-after").is_some(), "{code}");
            let refused = server.submit(org, spend("ping")).await;
            assert!(matches!(refused, Err(SubmitError::Busy)), "{code}: {refused:?}");
            server
                .as_owner(
                    "drop view ai_token_daily; drop function fail; alter table kept rename to ai_token_daily;
                     drop trigger refused on ai_token_usage_log; drop function refuse",
                )
                .await;
        }
        assert_eq!(get(&mut browser, "/dashboard").await.status, StatusCode::OK);
        server.submit(org, spend("ping")).await.unwrap();
        assert_eq!(server.available(org, "ai").await, 199);
    });
}
