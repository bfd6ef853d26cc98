//! Receipts for plan payments: they share a number sequence with packs, on the pages and in the CSV file.

use axum::http::StatusCode;
use brightmeter::{
    billing::invoices::{Invoice, InvoiceStatus, Invoices, Paid},
    command::Command,
    ids::OrgId,
};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{
    license::with_subscriber,
    plan_choices::with_chooser,
    shop::{deliver, deliver_to, event, order, session},
};
use crate::{
    http::browser::Site,
    support::{START, TestServer, at},
};

/// [`START`] in Unix seconds, as in Stripe's objects.
const NOW: i64 = 1_773_133_200;

/// An invoice for the plan of `cus_1` that was paid at [`NOW`].
fn invoice(id: &str, cents: u64) -> Value {
    json!({
        "id": id,
        "object": "invoice",
        "amount_paid": cents,
        "customer": "cus_1",
        "hosted_invoice_url": format!("https://invoice.stripe.com/i/{id}"),
        "lines": { "data": [{ "amount": 14_900, "description": "1 × Pro (at $149.00 / month)" }] },
        "number": "ABCD1234-0001",
        "parent": { "type": "subscription_details", "subscription_details": { "subscription": "sub_1" } },
        "status_transitions": { "paid_at": NOW },
    })
}

/// The numbers of all receipts, for packs and for plans.
async fn numbers(server: &TestServer) -> Vec<i64> {
    let sql = "select coalesce(array_agg(number order by number), '{}') from (
                   select number from ai_token_purchases
                   union all select (value ->> 'receipt')::bigint from invoices cross join lateral jsonb_each(invoices)
               ) receipts where number is not null";
    server.query_value(sql).await
}

/// The rows of the CSV file: receipt number, time, description, amount and id.
fn rows(file: &str) -> Vec<[String; 5]> {
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    let row = |row: csv::StringRecord| [0_usize, 1, 3, 7, 11].map(|column| row[column].to_owned());
    reader.records().map(|found| row(found.unwrap())).collect()
}

/// The ids of the invoices that a page links to.
fn invoices(page: &str) -> Vec<String> {
    let links = page.split("href=\"/billing/invoices/").skip(1);
    links.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn receipts_for_plans_and_packs_share_one_number_sequence() {
    with_chooser(async |chooser| {
        let (office, server) = (chooser.office, chooser.office.server);
        chooser.subscribe("pro").await;
        for _ in 0..2 {
            office.deliver().await;
            assert_eq!(numbers(server).await, [1]);
        }
        let pack = order(server, chooser.org, chooser.owner).await;
        let paid = event("evt_pack", "checkout.session.completed", NOW, &session(chooser.org, pack, "pi_1", "paid"));
        deliver_to(&office.inbox, server, &[paid]).await;
        office.go_to("2026-03-20T09:00:00Z");
        chooser.change("enterprise").await;
        office.deliver().await;
        office.go_to("2026-04-10T09:00:00Z");
        office.deliver().await;

        let site = Site::new(server, false);
        let mut owner = site.signed_in("owner@acme.test").await;
        let list = owner.get("/billing/purchases").await;
        let ids = invoices(&list.body);
        let file = owner.get("/billing/purchases.csv").await.body;
        let row = |cells: [&str; 5]| cells.map(ToOwned::to_owned);
        let change = "Plan: Unused time on Pro after 20 March 2026, Remaining time on Enterprise after 20 March 2026";
        assert_eq!(
            rows(&file),
            [
                row(["4", "2026-04-10T09:00:00Z", "Plan: 1 × Enterprise (at $399 / month)", "39900", &ids[0]]),
                row(["3", "2026-03-20T09:00:00Z", change, "16935", &ids[1]]),
                row(["2", "2026-03-10T09:00:00Z", "Booster", "2900", &pack.to_string()]),
                row(["1", "2026-03-10T09:00:00Z", "Plan: 1 × Pro (at $149 / month)", "14900", &ids[2]]),
            ]
        );
        let text = list.text();
        let places = ["Receipt 4 ·", "Receipt 3 ·", "Receipt 2 ·", "Receipt 1 ·"].map(|number| text.find(number));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");

        let page = owner.get(&format!("/billing/invoices/{}", ids[1])).await;
        assert_eq!(page.status, StatusCode::OK);
        for part in [
            "Receipt 3 for acme",
            "Unused time on Pro after 20 March 2026 −$100.94",
            "Remaining time on Enterprise after 20 March 2026 $270.29",
            "Paid $169.35 , 20 March 2026, 10:00 CET",
            &format!("Invoice {}", ids[1]),
        ] {
            assert!(page.text().contains(part), "{part}: {}", page.text());
        }
        assert!(!page.text().contains("credit and other"), "{}", page.text());
    });
}

#[test]
fn a_payment_has_one_receipt_whichever_events_report_it_in_any_order() {
    with_subscriber(async |server, org| {
        server.person(org, "owner@bright-audio.test", "owner").await;
        let facts = |id: &str, kind: &str, created: i64| event(id, kind, created, &invoice("in_1", 16_000));
        let events = [
            facts("evt_4", "invoice.payment_succeeded", NOW + 4),
            facts("evt_1", "invoice.payment_failed", NOW - 60),
            facts("evt_3", "invoice.paid", NOW + 3),
            event("evt_5", "invoice.paid", NOW, &invoice("in_2", 0)),
            event("evt_6", "invoice.voided", NOW, &invoice("in_3", 14_900)),
        ];
        deliver(server, &events).await;
        assert_eq!(numbers(server).await, [1]);

        let site = Site::new(server, false);
        let mut owner = site.signed_in("owner@bright-audio.test").await;
        let page = owner.get("/billing/invoices/in_1").await;
        for part in [
            "Receipt 1 for bright-audio",
            "1 × Pro (at $149.00 / month) $149",
            "Tax, discounts, credit and other $11",
            "Paid $160 , 10 March 2026, 10:00 CET",
            "Stripe's invoice ABCD1234-0001",
        ] {
            assert!(page.text().contains(part), "{part}: {}", page.text());
        }
        assert!(page.body.contains("href=\"https://invoice.stripe.com/i/in_1\""), "{}", page.body);
        for id in ["in_2", "in_3", "in_none", "'"] {
            assert_eq!(owner.get(&format!("/billing/invoices/{id}")).await.status, StatusCode::NOT_FOUND, "{id}");
        }
    });
}

#[test]
fn a_receipt_is_visible_only_to_those_who_manage_the_organization() {
    with_subscriber(async |server, org| {
        deliver(server, &[event("evt_1", "invoice.paid", NOW, &invoice("in_1", 14_900))]).await;
        let other = server.org("nightshift-labs", "pro").await;
        let site = Site::new(server, false);
        for (org, email, role, status) in [
            (org, "admin@bright-audio.test", "admin", StatusCode::OK),
            (org, "member@bright-audio.test", "member", StatusCode::FORBIDDEN),
            (other, "owner@nightshift-labs.test", "owner", StatusCode::NOT_FOUND),
        ] {
            server.person(org, email, role).await;
            let mut browser = site.signed_in(email).await;
            assert_eq!(browser.get("/billing/invoices/in_1").await.status, status, "{email}");
        }
        let mut stranger = site.signed_in("owner@nightshift-labs.test").await;
        assert!(invoices(&stranger.get("/billing/purchases").await.body).is_empty());
        assert!(rows(&stranger.get("/billing/purchases.csv").await.body).is_empty());
        assert_eq!(site.browser().get("/billing/invoices/in_1").await.status, StatusCode::SEE_OTHER);
    });
}

#[test]
fn concurrent_payments_for_packs_and_plans_leave_no_gap_in_receipt_numbers() {
    with_subscriber(async |server, org| {
        let owner = server.person(org, "owner@bright-audio.test", "owner").await;
        let mut events = Vec::new();
        for n in 0..20 {
            let pack = order(server, org, owner).await;
            let paid = session(org, pack, &format!("pi_{n}"), "paid");
            events.push(event(&format!("evt_{n}_pack"), "checkout.session.completed", NOW, &paid));
            for kind in ["invoice.paid", "invoice.payment_succeeded"] {
                events.push(event(&format!("evt_{n}_{kind}"), kind, NOW, &invoice(&format!("in_{n}"), 14_900)));
            }
        }
        deliver(server, &events).await;
        assert_eq!(numbers(server).await, (1..=40).collect::<Vec<i64>>());
    });
}

/// Records 120 monthly payments for a plan, the last one now.
async fn pay_for_ten_years(server: &TestServer, org: OrgId) {
    let months = (0..120_i64).map(|month| {
        let at = at(START) - TimeDelta::days(30 * (119 - month));
        let paid = Paid { at, minor: 14_900, lines: Vec::new(), url: None, number: None };
        (format!("in_{month}"), Invoice { status: InvoiceStatus::Paid, paid: Some(paid), ..Invoice::default() })
    });
    server.submit(org, Command::RecordInvoices { facts: Invoices(months.collect()) }).await.unwrap();
}

#[test]
fn the_page_lists_the_newest_payments_and_the_csv_file_all() {
    with_subscriber(async |server, org| {
        let owner = server.person(org, "owner@bright-audio.test", "owner").await;
        pay_for_ten_years(server, org).await;
        // The newest item, which is unpaid.
        server.advance(60);
        order(server, org, owner).await;

        let site = Site::new(server, false);
        let mut browser = site.signed_in("owner@bright-audio.test").await;
        let list = browser.get("/billing/purchases").await;
        let newest: Vec<String> = (21..120).rev().map(|month| format!("in_{month}")).collect();
        assert_eq!(invoices(&list.body), newest);
        for part in ["Not paid yet", "Receipt 120 ·", "Download the CSV to see older purchases."] {
            assert!(list.text().contains(part), "{part}");
        }
        assert_eq!(rows(&browser.get("/billing/purchases.csv").await.body).len(), 121);
    });
}
