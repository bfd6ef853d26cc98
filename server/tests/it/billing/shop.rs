//! Helpers for tests of pack purchases: orders, and the events that Stripe would send about them.

use brightmeter::{
    billing::{
        payment::{Payment, Purchase},
        plan_change::{PlanChange, Subscribed},
    },
    ids::{MemberId, OrgId, PurchaseId},
    time::Instant,
};
use serde_json::{Value, json};
use server::{
    clock::Clock,
    service::{
        inbox::Inbox,
        plans::{BillingFacts, Plans},
        purchases::Purchases,
        reconcile::{self, Action, Finding, Limits, Report, Scope},
    },
    storage::{purchases, stripe_events, tenant},
    stripe::event::Event,
};
use sqlx::PgPool;

use crate::support::TestServer;

/// Compares everything with Stripe, as `brightmeter reconcile` does.
pub async fn reconcile_all(
    purchases: &Purchases,
    plans: &Plans,
    writer_pool: &PgPool,
    since: Instant,
    fix: bool,
) -> Report {
    let action = if fix { Action::Fix } else { Action::Find(Limits::default()) };
    let mut streamed = Vec::new();
    let scope = Scope { since, from: None, action };
    let found = |finding: &Finding| streamed.push(finding.clone());
    let report = reconcile::run(purchases, plans, writer_pool, scope, found).await.unwrap();
    assert_eq!((&report.findings, report.next), (&streamed, None));
    report
}

/// Records an order of the catalog's first pack for `org`. Stripe is not called.
pub async fn order(server: &TestServer, org: OrgId, member: MemberId) -> PurchaseId {
    let pack = server.catalog.packs[0].clone();
    let purchase = Purchase {
        id: PurchaseId(server.clock.new_id()),
        pack: pack.name,
        label: pack.label,
        price: server.catalog.money(pack.price_cents),
        tokens: pack.tokens,
        payment: Payment::default(),
        credit: None,
    };
    let mut tx = tenant::begin(&server.pools.app, org).await.unwrap();
    purchases::insert(&mut tx, org, &purchase, member, server.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    purchase.id
}

/// Gives every order a Checkout session named after it.
pub async fn open_sessions(server: &TestServer) {
    let sql = "update ai_token_purchases set session_id = 'cs_' || replace(id::text, '-', ''),
                   checkout_url = 'https://checkout.test/', checkout_until = ordered_at";
    server.as_owner(sql).await;
}

/// An event with the usual envelope.
pub fn event(id: &str, kind: &str, created: i64, object: &Value) -> String {
    json!({ "id": id, "object": "event", "type": kind, "created": created, "data": { "object": object } }).to_string()
}

/// A Checkout session of an order.
pub fn session(org: OrgId, purchase: PurchaseId, payment_intent: &str, status: &str) -> Value {
    json!({
        "id": format!("cs_{}", purchase.0.simple()), "object": "checkout.session", "mode": "payment", "status": "complete",
        "payment_status": status, "payment_intent": payment_intent, "amount_total": 2_900,
        "metadata": { "brightmeter_org": org.to_string(), "brightmeter_purchase": purchase.to_string() },
    })
}

/// A refund.
pub fn refund(id: &str, payment_intent: &str, cents: u64, status: &str) -> Value {
    json!({ "id": id, "object": "refund", "payment_intent": payment_intent, "charge": null, "amount": cents, "status": status })
}

/// A dispute about the whole payment.
pub fn dispute(id: &str, payment_intent: &str, status: &str) -> Value {
    json!({ "id": id, "object": "dispute", "payment_intent": payment_intent, "amount": 2_900, "status": status })
}

/// The inbox of a server.
pub fn inbox(server: &TestServer) -> Inbox {
    Inbox { purchases: server.purchases(&server.writer), plans: server.plans(&server.writer), live: None }
}

/// Puts events into the inbox and processes it until nothing is due.
pub async fn deliver(server: &TestServer, payloads: &[String]) {
    deliver_to(&inbox(server), server, payloads).await;
}

/// Like [`deliver`], with this inbox.
pub async fn deliver_to(inbox: &Inbox, server: &TestServer, payloads: &[String]) {
    let mut conn = server.pools.app.acquire().await.unwrap();
    for payload in payloads {
        stripe_events::insert(&mut conn, &Event::read(payload.clone()), server.clock.now()).await.unwrap();
    }
    drop(conn);
    while inbox.work().await.unwrap() > 0 {}
}

/// Processes the inbox until nothing is due.
pub async fn work(server: &TestServer) {
    while inbox(server).work().await.unwrap() > 0 {}
}

/// The settled balance and the debt of AI tokens.
pub async fn holdings(server: &TestServer, org: OrgId) -> (i64, i64) {
    let balance = server.account(org).await.balance(&"ai".parse().unwrap());
    (balance.settled.get(), balance.debt.get())
}

/// The plan change that the page of a plan shows.
pub async fn plan_change(server: &TestServer, org: OrgId, plan: &str) -> PlanChange {
    let (terms, catalog) = (server.account(org).await.terms, &server.catalog);
    let facts = BillingFacts::load(&server.pools.app, org).await.unwrap();
    let standing = facts.standing(catalog, server.clock.now());
    let subscribed = Subscribed::of(&facts.subscriptions, standing.in_force.as_ref());
    PlanChange::to(catalog.plan(&plan.parse().unwrap()).unwrap(), &terms, subscribed, catalog)
}
