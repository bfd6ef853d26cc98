//! The license follows invoices, at exact instants, without any request.

use axum::http::StatusCode;
use brightmeter::{
    billing::license::{License, SuspensionCause},
    command::Command,
    ids::OrgId,
};
use serde_json::{Value, json};
use server::{
    clock::Clock,
    storage::{stripe_customers, tenant},
    stripe::webhook_facts::{self, WebhookFacts},
};

use super::shop::{deliver, event};
use crate::{
    http::browser::Site,
    support::{TestServer, at, by_staff, spend, with_server},
};

/// An organization on Pro whose Stripe customer is `cus_1`.
pub fn with_subscriber(test: impl AsyncFnOnce(&TestServer, OrgId)) {
    with_server(async |server| {
        let org = server.org("bright-audio", "pro").await;
        let mut tx = tenant::begin(&server.pools.app, org).await.unwrap();
        stripe_customers::insert(&mut tx, org, "cus_1", server.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        test(server, org).await;
    });
}

/// An event about an invoice, created now.
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
    server.query_value(sql).await
}

#[test]
fn unpaid_ai_steps_down_the_ladder_at_exact_instants_and_a_payment_restores_it() {
    with_subscriber(async |server, org| {
        deliver(server, &[facts(server, "evt_1", "invoice.payment_failed", "in_1")]).await;
        assert_eq!(license(server, org).await, License::Grace { since: at("2026-03-10T09:00:00Z") });
        server.advance(3 * 86_400);
        deliver(server, &[facts(server, "evt_2", "invoice.payment_failed", "in_1")]).await;
        // Without any request, the sweeper books the steps.
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
        assert_eq!(
            license(server, org).await,
            License::Suspended { since: at("2026-03-24T09:00:00Z"), cause: SuspensionCause::NonPayment }
        );
        assert_eq!(
            server.submit(org, spend("ping")).await.unwrap_err().to_string(),
            "AI is limited because an invoice is unpaid."
        );
        server.advance(3_600);
        deliver(server, &[facts(server, "evt_3", "invoice.paid", "in_1")]).await;
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
        let emails: i64 =
            server.query_value("select count(*) from emails where kind = 'license' and sent_at is null").await;
        assert_eq!(emails, 5);
    });
}

#[test]
fn a_payment_does_not_lift_a_suspension_by_staff_and_failures_meanwhile_count_afterward() {
    with_subscriber(async |server, org| {
        let since = server.clock.now();
        server.submit(org, Command::Suspend(by_staff("A chargeback"))).await.unwrap();
        server.advance(60);
        deliver(server, &[facts(server, "evt_1", "invoice.payment_failed", "in_1")]).await;
        server.advance(8 * 86_400);
        deliver(server, &[facts(server, "evt_2", "invoice.paid", "in_2")]).await;
        assert_eq!(server.sweeper.sweep().await.unwrap(), 0, "time takes no step");
        assert_eq!(license(server, org).await, License::Suspended { since, cause: SuspensionCause::Staff });
        assert_eq!(
            server.submit(org, spend("ping")).await.unwrap_err().to_string(),
            "AI is suspended for this organization. Contact support."
        );
        server.submit(org, Command::Lift(by_staff("It was settled"))).await.unwrap();
        assert_eq!(license(server, org).await, License::Grace { since: at("2026-03-10T09:01:00Z") });
        assert_eq!(log(server).await, ["03-10 09:00:00 suspended_by_staff ai", "03-18 09:01:00 grace allowance"]);
        deliver(server, &[facts(server, "evt_3", "invoice.paid", "in_1")]).await;
        assert_eq!(license(server, org).await, License::Active);
    });
}

#[test]
fn invoice_events_have_the_same_effect_in_any_order() {
    let orders: Vec<Vec<usize>> = permutations(&[0, 1, 2, 3, 4, 5]);
    assert_eq!(orders.len(), 720);
    with_subscriber(async |server, org| {
        let second = |id: &str, kind: &str, invoice: &str, seconds: i64| {
            server.clock.set(at("2026-03-10T09:00:00Z") + chrono::TimeDelta::seconds(seconds));
            facts(server, id, kind, invoice)
        };
        // A failed renewal, its retry and its payment; then the next renewal, which fails.
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
                let Ok(Some(WebhookFacts::Customer(fact))) = webhook_facts::read(&event) else { panic!("{event:?}") };
                invoices.join(&fact.invoices);
            }
            assert_eq!(invoices.overdue_since(None), Some(since));
        }
        deliver(server, &events).await;
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
fn an_invoice_of_another_customer_or_without_a_plan_has_no_effect() {
    with_subscriber(async |server, org| {
        let object = |change: Value| {
            let mut object = json!({ "id": "in_1", "customer": "cus_1", "subscription": "sub_1" });
            object.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            object
        };
        let facts = |id: &str, change: Value| event(id, "invoice.payment_failed", 1_773_133_200, &object(change));
        deliver(
            server,
            &[
                facts("evt_1", json!({ "customer": "cus_other" })),
                facts("evt_2", json!({ "subscription": null })),
                facts("evt_3", json!({ "id": "in_2", "billing_reason": "subscription_create" })),
            ],
        )
        .await;
        assert_eq!(license(server, org).await, License::Active);
        let waits: i64 = server.query_value("select count(*) from stripe_events where done_at is null").await;
        assert_eq!(waits, 0);
        deliver(server, &[facts("evt_4", json!({}))]).await;
        assert_eq!(license(server, org).await.state(), "grace");
    });
}

#[test]
fn every_page_shows_the_unpaid_invoice_and_the_next_restriction() {
    with_subscriber(async |server, org| {
        let site = Site::new(server, false);
        server.member(org, "member@bright-audio.test").await;
        let mut member = site.signed_in("member@bright-audio.test").await;
        assert!(!member.get("/dashboard").await.body.contains("unpaid"));
        deliver(server, &[facts(server, "evt_1", "invoice.payment_failed", "in_1")]).await;
        for path in ["/dashboard", "/quests", "/activity", "/billing", "/account", "/license"] {
            let page = member.get(path).await;
            assert_eq!(page.status, StatusCode::OK);
            let text = "An invoice is unpaid. Everything is still on. Next, on 13 March 2026, 10:00 CET (in 3 days): Premium features stop.";
            assert!(page.body.contains(text), "{path}");
        }
        server.advance(4 * 86_400);
        let text = member.get("/license").await.text();
        assert!(text.contains("The payment failed on 10 Mar 2026. Premium features are off."), "{text}");
        server.advance(11 * 86_400);
        deliver(server, &[facts(server, "evt_2", "invoice.paid", "in_1")]).await;
        // The session has expired meanwhile.
        let mut member = site.signed_in("member@bright-audio.test").await;
        let page = member.get("/license").await;
        assert!(page.text().contains("Active Everything in your plan is on."), "{}", page.text());
        assert!(page.text().contains("Payments are up to date. Everything is on."));
        assert!(!page.body.contains("An invoice is unpaid."));
    });
}
