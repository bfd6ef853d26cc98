//! The activity page and its CSV file.

use axum::http::StatusCode;
use brightmeter::{
    access::api_key::Scope,
    command::{Caller, Command},
    ids::OrgId,
};
use futures::{StreamExt, stream};

use super::browser::{Browser, Page, Site, with_site};
use crate::support::{TestServer, adjust, capture, held, hold, member, spend, usage};

/// An organization with entries on two days.
async fn robin(server: &TestServer, site: &Site) -> (OrgId, String, Browser) {
    let org = server.org("bright-audio", "pro").await;
    let id = server.member(org, "robin@bright-audio.test").await;
    server.submit(org, Command::Spend(usage(member(id), "ping"))).await.unwrap();
    server.submit(org, spend("strategy_analysis")).await.unwrap();
    server.advance(24 * 60 * 60);
    let job = held(&server.submit(org, hold("lead_generation", 600)).await.unwrap());
    server.submit(org, capture(job, None)).await.unwrap();
    (org, id.to_string(), site.signed_in("robin@bright-audio.test").await)
}

/// The sequence numbers of the entries on a page.
fn entries(page: &Page) -> Vec<i64> {
    let numbers = page.body.split("data-seq=\"").skip(1);
    numbers.map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect()
}

/// The rows of a CSV file, the header first.
fn rows(page: &Page) -> Vec<Vec<String>> {
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, Some("text/csv; charset=utf-8")));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(page.body.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn filters_select_entries_on_the_page_and_in_the_file() {
    with_site(async |server, site| {
        let (_, id, mut browser) = robin(server, site).await;
        for (query, expected) in [
            (String::new(), vec![6, 5, 4, 3, 2, 1]),
            ("token_type=deep".into(), vec![4, 2]),
            ("feature=lead_generation".into(), vec![6, 5]),
            (format!("member={id}"), vec![3]),
            ("from=2026-03-11".into(), vec![6, 5]),
            ("to=2026-03-10".into(), vec![4, 3, 2, 1]),
            ("from=2026-03-10&to=2026-03-10&feature=ping".into(), vec![3]),
            ("from=2026-03-12".into(), vec![]),
            ("cursor=3".into(), vec![2, 1]),
        ] {
            let page = browser.get(&format!("/activity?{query}")).await;
            assert_eq!((page.status, entries(&page)), (StatusCode::OK, expected.clone()), "{query}");
            if !query.contains("cursor") {
                let file = browser.get(&format!("/activity.csv?{query}")).await;
                let numbers: Vec<i64> = rows(&file)[1..].iter().map(|row| row[0].parse().unwrap()).collect();
                assert_eq!(numbers, expected, "{query}");
            }
        }
    });
}

#[test]
fn an_invalid_filter_shows_an_error_at_its_field() {
    with_site(async |server, site| {
        let (_, _, mut browser) = robin(server, site).await;
        for (query, message) in [
            ("from=yesterday", "Enter a date like 2026-11-22."),
            ("from=2026-03-11&to=2026-03-10", "The end date is before the start date."),
            ("member=me", "Choose a member from the list."),
            ("feature='+or+true+--", "Choose a feature from the list."),
            ("feature=%00", "Choose a feature from the list."),
            ("feature=quest%07generation", "Choose a feature from the list."),
            ("token_type=%00", "Choose a token type from the list."),
            ("from=-5000-01-01", "Enter a date like 2026-11-22."),
            ("to=%2B262142-12-31", "Enter a date like 2026-11-22."),
            ("to=2200-01-01", "Enter a date like 2026-11-22."),
            ("cursor=99999999999999999999", "This page doesn't exist."),
        ] {
            let page = browser.get(&format!("/activity?{query}")).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
            assert!(page.text().contains(message), "{query}: {}", page.text());
            assert_eq!(entries(&page), [0; 0]);
            // The file has all entries, so it knows no cursor.
            let file = browser.get(&format!("/activity.csv?{query}")).await;
            let refused = file.status == StatusCode::UNPROCESSABLE_ENTITY;
            assert!(refused || query.contains("cursor"), "{query}: {}", file.status);
        }
    });
}

#[test]
fn the_file_has_a_header_and_one_row_per_entry() {
    with_site(async |server, site| {
        let (_, _, mut browser) = robin(server, site).await;
        let page = browser.get("/activity.csv").await;
        assert_eq!(page.header("content-disposition"), Some("attachment; filename=\"activity.csv\""));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        let mut rows = rows(&page);
        rows.iter_mut().for_each(|row| drop(row.pop()));
        let text: Vec<String> = rows.into_iter().map(|row| row.join(",")).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        seq,time_utc,kind,token_type,amount,held,settled_after,available_after,feature,who,note
        6,2026-03-11T09:00:00.000000Z,captured,ai,-10,-10,189,189,lead_generation,An API key,
        5,2026-03-11T09:00:00.000000Z,held,ai,0,10,199,189,lead_generation,An API key,
        4,2026-03-10T09:00:00.000000Z,spent,deep,-2,0,18,18,strategy_analysis,An API key,
        3,2026-03-10T09:00:00.000000Z,spent,ai,-1,0,199,199,ping,Robin,
        2,2026-03-10T09:00:00.000000Z,granted,deep,20,0,20,20,,Brightmeter,
        1,2026-03-10T09:00:00.000000Z,granted,ai,200,0,200,200,,Brightmeter,
        ");
    });
}

#[test]
fn an_entry_of_an_api_key_names_it() {
    with_site(async |server, site| {
        let (org, id, mut browser) = robin(server, site).await;
        let (key, _) = server.key(org, Scope::Spend).await;
        for member in [None, Some(id.parse().unwrap())] {
            let caller = Caller::ApiKey { api_key: key, member };
            server.submit(org, Command::Spend(usage(caller, "ping"))).await.unwrap();
        }
        server.api_keys.revoke(org, key).await.unwrap();
        let rows = rows(&browser.get("/activity.csv").await);
        assert_eq!([&rows[1][9], &rows[2][9]], ["Robin (API key billing)", "API key billing"]);
        let page = browser.get("/activity").await.text();
        assert!(page.contains("Robin (API key billing)"), "{page}");
    });
}

#[test]
fn user_text_is_never_a_formula_in_a_spreadsheet() {
    with_site(async |server, site| {
        let (org, _, mut browser) = robin(server, site).await;
        for note in ["=1+1", "+1", "-1", "@sum(a1)", "\t=1", "＝1+1", " =1", "a, \"quoted\"\nnote"] {
            server.submit(org, adjust(-1, note)).await.unwrap();
        }
        let rows = rows(&browser.get("/activity.csv").await);
        let notes: Vec<&str> = rows[1..9].iter().rev().map(|row| row[10].as_str()).collect();
        let guarded = ["'=1+1", "'+1", "'-1", "'@sum(a1)", "'\t=1", "'＝1+1", "' =1", "a, \"quoted\"\nnote"];
        assert_eq!(notes, guarded);
    });
}

#[test]
fn a_file_says_that_it_is_in_utf_8() {
    with_site(async |server, site| {
        let org = server.org("bright-audio", "pro").await;
        server.person(org, "owner@bright-audio.test", "owner").await;
        server.submit(org, adjust(-1, "Éloïse Müller")).await.unwrap();
        let mut owner = site.signed_in("owner@bright-audio.test").await;
        for (path, column) in [("/activity.csv", "seq"), ("/billing/purchases.csv", "receipt")] {
            let file = owner.get(path).await;
            assert!(file.body.starts_with(&format!("\u{feff}{column},")), "{path}: {:?}", &file.body[..40]);
            assert_eq!(file.body.matches('\u{feff}').count(), 1, "{path}");
        }
        assert!(owner.get("/activity.csv").await.body.contains("Éloïse Müller"));
    });
}

#[test]
fn the_file_contains_all_ten_thousand_entries() {
    with_site(async |server, site| {
        let (org, _, mut browser) = robin(server, site).await;
        server.submit(org, adjust(20_000, "plenty")).await.unwrap();
        stream::iter(0..9_993)
            .map(|_| server.submit(org, spend("ping")))
            .buffer_unordered(1_000)
            .for_each(async |answer| drop(answer.unwrap()))
            .await;
        let rows = rows(&browser.get("/activity.csv").await);
        let numbers: Vec<i64> = rows[1..].iter().map(|row| row[0].parse().unwrap()).collect();
        assert_eq!(numbers, (1..=10_000).rev().collect::<Vec<_>>());
        assert_eq!(entries(&browser.get("/activity").await).len(), 50);
    });
}
