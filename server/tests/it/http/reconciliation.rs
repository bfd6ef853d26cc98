//! Staff compare purchases and plans with Stripe page by page, and fix the differences.

use axum::http::StatusCode;
use brightmeter::ids::{OrgId, PurchaseId};
use serde_json::{Value, json};
use server::service::reconcile::{self, Action, Finding, Limits, Position, Scope};
use tokio::time::Instant;

use super::browser::{Page, Site};
use crate::{
    billing::{
        shop::{holdings, open_sessions, order, session},
        stand_in::{StandIn, list, with_stand_in},
        stripe_states::pro,
    },
    support::at,
};

const PATH: &str = "/admin/reconciliation";
const FIX: &str = "/admin/reconciliation/fix";

/// Orders packs with Checkout sessions that Stripe does not know.
async fn orders(stripe: &StandIn<'_>, org: OrgId, count: usize) -> Vec<PurchaseId> {
    let member = match org == stripe.org {
        true => stripe.owner,
        false => stripe.server.member(org, &format!("{org}@acme.test")).await,
    };
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(order(stripe.server, org, member).await);
    }
    open_sessions(stripe.server).await;
    ids
}

/// Makes Stripe report that an order is paid.
pub fn pay(stripe: &StandIn, org: OrgId, id: PurchaseId) {
    let mut paid = session(org, id, &format!("pi_{}", id.0.simple()), "paid");
    paid["status"] = json!("complete");
    stripe.answer(&format!("GET /v1/checkout/sessions/cs_{}", id.0.simple()), 200, paid);
    stripe.answer("GET /v1/refunds", 200, list(&[]));
    stripe.answer("GET /v1/disputes", 200, list(&[]));
}

/// The purchases on a page, in order.
fn purchases(page: &Page) -> Vec<PurchaseId> {
    let parts = page.main().split("Purchase <").skip(1);
    parts.map(|part| part.split_once('>').unwrap().1.split('<').next().unwrap().parse().unwrap()).collect()
}

fn has(page: &Page, parts: &[&str]) {
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    for part in parts {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
}

/// Starts the site of a stand-in's server.
fn site(stripe: &StandIn) -> Site {
    Site::selling(stripe.server, stripe.inbox.purchases.clone())
}

#[test]
fn a_reconciliation_lists_100_differences_a_page_and_each_one_once() {
    with_stand_in(async |stripe| {
        let other = stripe.server.org("nightshift", "pro").await;
        let mut expected = orders(stripe, stripe.org, 130).await;
        expected.extend(orders(stripe, other, 120).await);
        let mut staff = site(stripe).staff(stripe.server).await;
        let mut page = staff.post(PATH, &[]).await;
        has(&page, &["100 differences found", "Compared 100 purchases and 1 plan.", "This page is full"]);
        let mut found = purchases(&page);
        let mut sizes = vec![found.len()];
        while page.body.contains(">Continue</button>") {
            page = staff.post(PATH, &[("report", &page.hidden_json("report"))]).await;
            found.extend(purchases(&page));
            sizes.push(purchases(&page).len());
        }
        assert_eq!(sizes, [100, 100, 50]);
        assert_eq!(found, expected, "in the order of organizations and purchases");
        has(&page, &["Compared 250 purchases and 1 plan.", "Compare again from the start"]);
    });
}

#[test]
fn a_reconciliation_that_stops_anywhere_continues_without_gaps() {
    with_stand_in(async |stripe| {
        let other = stripe.server.org("nightshift", "pro").await;
        stripe.server.org("without-purchases", "pro").await;
        let mut expected = orders(stripe, stripe.org, 5).await;
        expected.extend(orders(stripe, other, 4).await);
        stripe.subscriptions(&[pro()]);
        let (inbox, pool) = (&stripe.inbox, &stripe.server.pools.writer);
        let run = async |from: Option<Position>, limits| {
            let scope = Scope { since: at("2026-03-01T00:00:00Z"), from, action: Action::Find(limits) };
            reconcile::run(&inbox.purchases, &inbox.plans, pool, scope, |_| {}).await.unwrap()
        };
        let whole = run(None, Limits::default()).await;
        assert_eq!((whole.purchases, whole.plans, whole.next), (9, 1, None));
        assert_eq!(whole.findings.iter().filter_map(|found| found.purchase).collect::<Vec<_>>(), expected);
        assert_eq!(whole.findings.iter().filter(|found| found.purchase.is_none()).count(), 1);
        let due = Limits { until: Some(Instant::now()), ..Limits::default() };
        let limited = |findings| Limits { findings: Some(findings), ..Limits::default() };
        // With a deadline in the past, each run compares one plan or purchase: three plans and nine purchases.
        for (limits, runs) in [(due, 13), (limited(1), 11), (limited(3), 4), (limited(0), 13)] {
            let (mut joined, mut from, mut number) = (Vec::<Finding>::new(), None, 0);
            let (mut purchases, mut plans) = (0, 0);
            loop {
                let report = run(from, limits).await;
                number += 1;
                (purchases, plans) = (purchases + report.purchases, plans + report.plans);
                joined.extend(report.findings);
                from = report.next;
                if from.is_none() {
                    break;
                }
            }
            assert_eq!((joined, purchases, plans), (whole.findings.clone(), 9, 1), "{limits:?}");
            assert_eq!(number, runs, "{limits:?}");
        }
    });
}

#[test]
fn a_reconciliation_continues_with_the_differences_that_are_not_fixed() {
    with_stand_in(async |stripe| {
        let ids = orders(stripe, stripe.org, 3).await;
        let mut staff = site(stripe).staff(stripe.server).await;
        // It stopped after two of three.
        let finding = |id: PurchaseId, fixed: bool| json!({ "org": stripe.org, "purchase": id, "kind": "paid_not_credited", "fixed": fixed });
        let report = json!({ "purchases": 2, "plans": 1, "unanswered": 0, "fixed": 1,
            "findings": [finding(ids[0], true), finding(ids[1], false)],
            "next": { "org": stripe.org, "purchase": ids[1] } });
        let page = staff.post(PATH, &[("report", &report.to_string())]).await;
        has(&page, &["2 differences found", "Compared 3 purchases and 1 plan. Fixed 1 difference."]);
        assert_eq!(purchases(&page), ids[1..]);

        let call = format!("GET /v1/checkout/sessions/cs_{}", ids[2].0.simple());
        stripe.answer(&call, 503, json!({}));
        let page = staff.post(PATH, &[("report", &report.to_string())]).await;
        has(&page, &["Fixed 1 difference. Stripe didn't answer for 1 of them."]);
        assert_eq!(purchases(&page), ids[1..]);
    });
}

#[test]
fn a_reconciliation_keeps_the_other_findings_when_one_is_fixed() {
    with_stand_in(async |stripe| {
        let ids = orders(stripe, stripe.org, 4).await;
        for id in &ids[..3] {
            pay(stripe, stripe.org, *id);
        }
        stripe.subscriptions(&[pro()]);
        let mut staff = site(stripe).staff(stripe.server).await;
        let page = staff.post(PATH, &[]).await;
        has(&page, &["5 differences found", "The plan or its invoices differ", "Fix all that is safe"]);
        has(&page, &["4 of the differences shown will be fixed"]);
        assert_eq!(stripe.state().await.0, "starter", "comparing changes nothing");

        // The plan comes first.
        let fixed = staff.post(FIX, &[("report", &page.hidden_json("report")), ("finding", "2")]).await;
        has(&fixed, &["5 differences found", "Fixed 1 difference.", "3 of the differences shown will be fixed"]);
        assert_eq!(purchases(&fixed), ids);
        assert_eq!(holdings(stripe.server, stripe.org).await.0, 500);
        let mut all = fixed;
        for _ in 0..2 {
            all = staff.post(FIX, &[("report", &all.hidden_json("report"))]).await;
            if all.status == StatusCode::NOT_FOUND {
                break;
            }
            has(&all, &["5 differences found", "Fixed 4 differences.", "This is now as in Stripe."]);
            assert!(!all.text().contains("Fix all that is safe"), "{}", all.text());
            assert_eq!(purchases(&all), ids);
        }
        assert_eq!(all.status, StatusCode::NOT_FOUND, "nothing is left to fix");
        assert_eq!(stripe.state().await.0, "pro");
        assert_eq!(holdings(stripe.server, stripe.org).await.0, 200 + 3 * 500);
        let page = staff.post(PATH, &[]).await;
        has(&page, &["1 difference found", "Stripe doesn't report the state of the payment"]);
        assert_eq!(purchases(&page), ids[3..]);
    });
}

#[test]
fn a_reconciliation_refuses_a_report_that_is_not_one() {
    with_stand_in(async |stripe| {
        let mut staff = site(stripe).staff(stripe.server).await;
        let finding = json!({ "org": stripe.org, "purchase": null, "kind": "plan_differs", "fixed": false });
        let report = |findings: &[Value]| {
            json!({ "purchases": usize::MAX, "plans": usize::MAX, "unanswered": 0, "fixed": usize::MAX,
                "findings": findings, "next": null })
            .to_string()
        };
        for invalid in ["", "{}", "[]", "report", "{\"purchases\":-1}"] {
            for path in [PATH, FIX] {
                let page = staff.post(path, &[("report", invalid)]).await;
                assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {invalid}");
            }
        }
        let report = report(&[finding]);
        for index in ["1", "99", "18446744073709551615"] {
            let page = staff.post(FIX, &[("report", &report), ("finding", index)]).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{index}");
        }
        let page = staff.post(FIX, &[("report", &report), ("finding", "-1")]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        has(&staff.post(FIX, &[("report", &report), ("finding", "0")]).await, &["This is now as in Stripe."]);
        has(&staff.post(PATH, &[("report", &report)]).await, &["1 difference found"]);
    });
}
