//! Requesting quests and marking them done.

use std::sync::Arc;

use axum::http::StatusCode;
use brightmeter::ids::OrgId;
use server::ai::built_in::BuiltIn;

use super::browser::{Browser, ONE, Page, Site, TWO, with_site};
use crate::support::{
    TestServer, adjust,
    proxy::{Cut, Proxy},
    with_server,
};

async fn robin(server: &TestServer, site: &Site, plan: &str) -> (OrgId, Browser) {
    let org = server.org("bright-audio", plan).await;
    server.member(org, "robin@bright-audio.test").await;
    (org, site.signed_in("robin@bright-audio.test").await)
}

async fn request_quests(browser: &mut Browser, goal: &str, key: &str) -> Page {
    browser.post("/quests", &[("goal", goal), ("key", key)]).await
}

#[test]
fn a_goal_becomes_quests_and_is_charged_once() {
    with_site(async |server, site| {
        let (org, mut browser) = robin(server, site, "pro").await;
        let page = browser.get("/quests").await;
        assert!(page.text().contains("Costs 5 AI tokens. 200 available, 195 after."), "{}", page.text());
        let key = page.field("key");
        let answer = request_quests(&mut browser, "Sell more <b>posters</b>", &key).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert!(answer.location().starts_with("/quests?job="), "{}", answer.location());
        let receipt = browser.get(answer.location()).await;
        assert!(receipt.text().contains("Delivered. 5 AI tokens charged"), "{}", receipt.text());
        assert!(!receipt.body.contains("<b>posters"), "a goal is text");
        assert!(server.query_value::<i64>("select count(*) from quests").await >= 3);
        assert_eq!(server.available(org, "ai").await, 195);
        let again = request_quests(&mut browser, "Sell more <b>posters</b>", &key).await;
        assert_eq!(again.location(), answer.location(), "sent twice");
        let reused = request_quests(&mut browser, "Sell more shirts", &key).await;
        assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(server.available(org, "ai").await, 195);
    });
}

#[test]
fn an_invalid_goal_is_shown_again_with_its_error() {
    with_site(async |server, site| {
        let (org, mut browser) = robin(server, site, "pro").await;
        for (goal, key) in
            [("ab", ONE), (&*"long ".repeat(101), ONE), ("Sell more posters", ""), ("Sell more posters", "order-1")]
        {
            let page = request_quests(&mut browser, goal, key).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{goal}");
            assert!(page.body.contains("role=\"alert\""), "{goal}: {}", page.text());
            let kept = page.body.split("<textarea").nth(1).unwrap().split("</textarea").next().unwrap();
            assert!(kept.contains(goal.trim_end()), "{goal} in {kept}");
        }
        let page = request_quests(&mut browser, "ab", ONE).await;
        assert!(
            page.body.contains("id=\"goal-error\"") && page.body.contains("aria-invalid=\"true\""),
            "{}",
            page.body
        );
        assert_eq!(server.available(org, "ai").await, 200);
    });
}

#[test]
fn a_failed_or_crashed_job_is_not_charged_and_says_so() {
    with_site(async |server, site| {
        let (org, mut browser) = robin(server, site, "pro").await;
        for (goal, key, reason) in [
            ("Sell more #fail", ONE, "The AI service reported an error."),
            ("Sell more #crash", TWO, "The AI service crashed while it worked on this."),
        ] {
            let answer = request_quests(&mut browser, goal, key).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER);
            let page = browser.get(answer.location()).await;
            assert!(page.text().contains("Not charged. Your balance is unchanged."), "{}", page.text());
            assert!(page.text().contains(reason), "{}", page.text());
            assert_eq!(browser.get("/dashboard").await.number("settled-ai"), "200");
            assert_eq!(server.available(org, "ai").await, 200);
            server.advance(5);
        }
        assert_eq!(server.query_value::<i64>("select count(*) from quests").await, 0);
    });
}

#[test]
fn a_refusal_shows_its_reason_and_the_next_action() {
    with_site(async |server, site| {
        let (_, mut browser) = robin(server, site, "starter").await;
        let page = request_quests(&mut browser, "Sell more posters", ONE).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.text().contains("Quest generation needs the Pro plan or higher."), "{}", page.text());
        assert!(page.body.contains("href=\"/billing\""));
        let kept = page.body.split("<textarea").nth(1).unwrap().split("</textarea").next().unwrap();
        assert!(kept.contains("Sell more posters"), "the input is kept: {kept}");
    });
}

#[test]
fn insufficient_tokens_are_402_and_rate_limits_429() {
    with_site(async |server, site| {
        let (org, mut browser) = robin(server, site, "pro").await;
        request_quests(&mut browser, "Sell more posters", ONE).await;
        let page = request_quests(&mut browser, "Sell more shirts", TWO).await;
        assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
        server.submit(org, adjust(-191, "to four")).await.unwrap();
        server.advance(5);
        let page = request_quests(&mut browser, "Sell more shirts", TWO).await;
        assert_eq!(page.status, StatusCode::PAYMENT_REQUIRED);
        assert!(page.text().contains("This costs 5 tokens and you have 4."), "{}", page.text());
        assert_eq!(server.available(org, "ai").await, 4);
    });
}

#[test]
fn a_quest_is_marked_done_and_reopened() {
    with_site(async |server, site| {
        let (_, mut browser) = robin(server, site, "pro").await;
        let receipt = request_quests(&mut browser, "Sell more posters", ONE).await.location().to_owned();
        let job = receipt.rsplit('=').next().unwrap();
        for (done, count, flash) in [("true", 1, "quest-done"), ("true", 1, "quest-done"), ("false", 0, "quest-open")] {
            let fields = [("job", job), ("position", "1"), ("done", done), ("next", &receipt)];
            let page = browser.post("/quests/done", &fields).await;
            let leads_to = format!("{receipt}&flash={flash}#quest-{job}-1");
            assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, leads_to.as_str()));
            let marked = "select count(*) from quests where done_at is not null";
            assert_eq!(server.query_value::<i64>(marked).await, count);
        }
        let fields = [("job", job), ("position", "1"), ("done", "true"), ("next", "//evil.example")];
        let page = browser.post("/quests/done", &fields).await;
        assert!(page.location().starts_with("/dashboard?flash="), "{}", page.location());
        let fields = [("job", job), ("position", "99"), ("done", "true")];
        assert_eq!(browser.post("/quests/done", &fields).await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_job_whose_start_had_an_unknown_outcome_runs_once() {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        server.member(org, "robin@bright-audio.test").await;
        let proxy = Proxy::start(&server.owner, Cut { at: b"COMMIT", delivered: true }).await;
        let (writer, tasks) = server.writer_through(proxy.options(&server.owner));
        let site = Site::with(server, writer, Arc::new(BuiltIn { faults: false }), false);
        let mut browser = site.signed_in("robin@bright-audio.test").await;
        proxy.arm();
        let answer = request_quests(&mut browser, "Sell more posters", ONE).await;
        assert!(proxy.has_cut());
        assert!(answer.location().starts_with("/quests?job="), "{}", answer.text());
        let receipt = browser.get(answer.location()).await;
        assert!(receipt.text().contains("Delivered. 5 AI tokens charged"), "{}", receipt.text());
        assert_eq!(server.query_value::<i64>("select count(*) from ai_token_jobs").await, 1);
        assert_eq!(server.available(org, "ai").await, 195);
        drop((browser, site));
        tasks.finish().await;
    });
}
