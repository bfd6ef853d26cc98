//! The license follows the money: by what Stripe tells of invoices, at exact instants, without anybody looking.

use axum::http::StatusCode;
use brightmeter::{billing::license::License, command::Command, ids::OrgId};
use serde_json::{Value, json};
use server::{
    clock::Clock,
    storage::{stripe_customers, tenant},
    stripe::webhook_facts::{self, BillingFact, WebhookFacts},
};

use super::shop::{event, tell};
use crate::{
    http::browser::Site,
    support::{TestServer, at, by_staff, spend, with_server},
};

/// An organization on Pro that Stripe knows as `cus_1`.
pub fn with_subscriber(test: impl AsyncFnOnce(&TestServer, OrgId)) {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let mut tx = tenant::begin(&server.pools.app, org).await.unwrap();
        stripe_customers::insert(&mut tx, org, "cus_1", server.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        test(server, org).await;
    });
}

/// What Stripe tells of an invoice now.
fn facts(server: &TestServer, id: &str, kind: &str, invoice: &str) -> String {
    let parent = json!({ "type": "subscription_details", "subscription_details": { "subscription": "sub_1" } });
    let object = json!({ "id": invoice, "object": "invoice", "customer": "cus_1", "parent": parent, "billing_reason": "subscription_cycle" });
    event(id, kind, server.clock.now().timestamp(), &object)
}

async fn license(server: &TestServer, org: OrgId) -> License {
    server.account(org).await.terms.license
}

async fn log(server: &TestServer) -> Vec<String> {
    let sql = "select array_agg(format('%s %s %s', to_char(at at time zone 'UTC', 'MM-DD HH24:MI:SS'), state, off)
                   order by booked_at, number) from ai_token_license_log";
    server.ask(sql).await
}

#[test]
fn ai_steps_down_the_ladder_at_exact_instants_and_comes_back_the_moment_it_is_paid() {
    with_subscriber(async |server, org| {
        tell(server, &[facts(server, "evt_1", "invoice.payment_failed", "in_1")]).await;
        assert_eq!(license(server, org).await, License::Grace { since: at("2026-03-10T09:00:00Z") });
        server.pass(3 * 86_400);
        tell(server, &[facts(server, "evt_2", "invoice.payment_failed", "in_1")]).await;
        // Nobody asks for anything: the sweeper books it.
        for (instant, swept) in [
            ("2026-03-17T08:59:59Z", 0),
            ("2026-03-17T09:00:00Z", 1),
            ("2026-03-24T08:59:59Z", 0),
            ("2026-03-24T09:00:00Z", 1),
            ("2026-03-24T09:00:01Z", 0),
        ] {
            server.clock.set(at(instant));
            assert_eq!(server.sweeper.sweep().await.unwrap(), swept, "{instant}");
        }
        assert_eq!(license(server, org).await, License::Suspended { since: at("2026-03-24T09:00:00Z") });
        assert_eq!(
            server.submit(org, spend("ping")).await.unwrap_err().to_string(),
            "AI is limited because an invoice is unpaid."
        );
        server.pass(3_600);
        tell(server, &[facts(server, "evt_3", "invoice.paid", "in_1")]).await;
        server.submit(org, spend("ping")).await.unwrap();
        assert_eq!(
            log(server).await,
            [
                "03-10 09:00:00 grace nothing",
                "03-13 09:00:00 grace premium",
                "03-17 09:00:00 grace allowance",
                "03-24 09:00:00 suspended ai",
                "03-24 10:00:01 active nothing",
            ]
        );
        let emails: i64 = server.ask("select count(*) from emails where kind = 'license' and sent_at is null").await;
        assert_eq!(emails, 5);
    });
}

#[test]
fn no_payment_lifts_what_staff_have_suspended_and_what_failed_meanwhile_counts_then() {
    with_subscriber(async |server, org| {
        let since = server.clock.now();
        server.submit(org, Command::Suspend(by_staff("A chargeback"))).await.unwrap();
        server.pass(60);
        tell(server, &[facts(server, "evt_1", "invoice.payment_failed", "in_1")]).await;
        server.pass(8 * 86_400);
        tell(server, &[facts(server, "evt_2", "invoice.paid", "in_2")]).await;
        assert_eq!(server.sweeper.sweep().await.unwrap(), 0, "time takes no step");
        assert_eq!(license(server, org).await, License::Stopped { since });
        assert_eq!(
            server.submit(org, spend("ping")).await.unwrap_err().to_string(),
            "AI is suspended for this organization: ask support."
        );
        server.submit(org, Command::Lift(by_staff("It was settled"))).await.unwrap();
        assert_eq!(license(server, org).await, License::Grace { since: at("2026-03-10T09:01:00Z") });
        assert_eq!(log(server).await, ["03-10 09:00:00 stopped ai", "03-18 09:01:00 grace allowance"]);
        tell(server, &[facts(server, "evt_3", "invoice.paid", "in_1")]).await;
        assert_eq!(license(server, org).await, License::Active);
    });
}

#[test]
fn what_is_told_of_invoices_leaves_the_same_in_any_order() {
    let orders: Vec<Vec<usize>> = permutations(&[0, 1, 2, 3, 4, 5]);
    assert_eq!(orders.len(), 720);
    with_subscriber(async |server, org| {
        let second = |id: &str, kind: &str, invoice: &str, seconds: i64| {
            server.clock.set(at("2026-03-10T09:00:00Z") + chrono::TimeDelta::seconds(seconds));
            facts(server, id, kind, invoice)
        };
        // A failed renewal, its retries, its payment at last; and the next one, which fails.
        let events = [
            second("evt_0", "invoice.payment_failed", "in_1", 10),
            second("evt_1", "invoice.payment_failed", "in_1", 20),
            second("evt_2", "invoice.paid", "in_1", 30),
            second("evt_3", "invoice.payment_failed", "in_2", 40),
            second("evt_4", "invoice.payment_failed", "in_2", 50),
            second("evt_5", "invoice.payment_succeeded", "in_1", 60),
        ];
        let since = at("2026-03-10T09:00:40Z");
        for order in orders {
            let mut invoices = brightmeter::billing::invoices::Invoices::default();
            for n in order {
                let event = server::stripe::event::Event::read(events[n].clone());
                let Ok(Some(WebhookFacts::Customer(_, BillingFact::Invoice(facts)))) = webhook_facts::read(&event)
                else {
                    panic!("{event:?}")
                };
                invoices.join(&facts);
            }
            assert_eq!(invoices.unpaid_since(None), Some(since));
        }
        tell(server, &events).await;
        assert_eq!(license(server, org).await, License::Grace { since });
    });
}

pub fn permutations(of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    of.iter()
        .flat_map(|first| {
            let rest: Vec<usize> = of.iter().copied().filter(|n| n != first).collect();
            permutations(&rest).into_iter().map(move |rest| [&[*first][..], &rest].concat())
        })
        .collect()
}

#[test]
fn an_invoice_of_nobody_waits_and_one_that_is_no_plans_does_nothing() {
    with_subscriber(async |server, org| {
        let object = |change: Value| {
            let mut object = json!({ "id": "in_1", "customer": "cus_1", "subscription": "sub_1" });
            object.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            object
        };
        let facts = |id: &str, change: Value| event(id, "invoice.payment_failed", 1_773_133_200, &object(change));
        tell(
            server,
            &[
                facts("evt_1", json!({ "customer": "cus_other" })),
                facts("evt_2", json!({ "subscription": null })),
                facts("evt_3", json!({ "billing_reason": "subscription_create" })),
            ],
        )
        .await;
        assert_eq!(license(server, org).await, License::Active);
        let waits: i64 = server.ask("select count(*) from stripe_events where done_at is null").await;
        assert_eq!(waits, 1);
        tell(server, &[facts("evt_4", json!({}))]).await;
        assert_eq!(license(server, org).await.state(), "grace");
    });
}

#[test]
fn every_page_says_that_an_invoice_is_unpaid_and_what_stops_next() {
    with_subscriber(async |server, org| {
        let site = Site::new(server, false);
        server.member(org, "member@bright-audio.test").await;
        let mut member = site.signed_in("member@bright-audio.test").await;
        assert!(!member.get("/dashboard").await.body.contains("unpaid"));
        tell(server, &[facts(server, "evt_1", "invoice.payment_failed", "in_1")]).await;
        for path in ["/dashboard", "/quests", "/activity", "/billing", "/account", "/license"] {
            let page = member.get(path).await;
            assert_eq!(page.status, StatusCode::OK);
            let text = "An invoice is unpaid. Everything is still on. 13 March 2026, 10:00 CET, in 3 days: Premium features stop.";
            assert!(page.body.contains(text), "{path}");
        }
        server.pass(4 * 86_400);
        let text = member.get("/license").await.text();
        assert!(text.contains("Its payment failed on 10 Mar 2026. Premium features are off."), "{text}");
        server.pass(11 * 86_400);
        tell(server, &[facts(server, "evt_2", "invoice.paid", "in_1")]).await;
        // Meanwhile the session has ended.
        let mut member = site.signed_in("member@bright-audio.test").await;
        let page = member.get("/license").await;
        assert!(page.text().contains("Active Everything in your plan is on."), "{}", page.text());
        assert!(page.text().contains("Paid: everything is on."));
        assert!(!page.body.contains("An invoice is unpaid."));
    });
}
