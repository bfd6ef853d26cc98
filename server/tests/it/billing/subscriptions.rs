//! Plan, months and license follow the subscription at the sandbox, asked over HTTP as Stripe is.

use std::sync::Arc;

use axum::Router;
use brightmeter::{billing::license::License, ids::OrgId};
use server::{
    clock::Clock,
    demo::stripe_sandbox::{Adopted, Fault, MOUNT, Sandbox, Settings},
    service::{
        inbox::Inbox,
        plans::Plans,
        reconcile::{self, Difference},
    },
    storage::{stripe_customers, tenant},
    stripe::{api::StripeApi, signature::WebhookSecret},
};
use tokio::net::TcpListener;

use super::{
    license::permutations,
    shop::{event, holdings, tell_through},
};
use crate::{
    http::browser::WEBHOOK_SECRET,
    support::{TestServer, at, spend, with_server},
};

/// A sandbox where organizations pay for Pro, and an inbox that asks it.
pub struct Office<'a> {
    pub server: &'a TestServer,
    pub sandbox: Sandbox,
    pub inbox: Inbox,
}

pub fn with_office(test: impl AsyncFnOnce(&Office)) {
    with_server(async |server| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = format!("http://{}", listener.local_addr().unwrap());
        let sandbox = Sandbox::open(Settings {
            secret_key: "sk_test_office".into(),
            webhook_secret: WebhookSecret::new(WEBHOOK_SECRET.into()),
            clock: server.clock.clone(),
            site: site.clone(),
            mount: MOUNT.into(),
            file: None,
        });
        let router = Router::new().nest_service(MOUNT, sandbox.router());
        let serving = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        let api = StripeApi::new("sk_test_office", Some(&format!("{site}{MOUNT}"))).unwrap();
        let plans = Plans { gateway: Some(Arc::new(api)), ..server.plans(&server.writer) };
        let inbox = Inbox { purchases: server.purchases(&server.writer), plans };
        test(&Office { server, sandbox, inbox }).await;
        serving.abort();
    });
}

impl Office<'_> {
    /// An organization on Starter that Stripe knows as `cus_` and its name; it has subscribed to Pro just now.
    async fn subscriber(&self, slug: &str) -> OrgId {
        let org = self.server.org(slug, "starter").await;
        let customer = format!("cus_{slug}");
        let mut tx = tenant::begin(&self.server.pools.app, org).await.unwrap();
        stripe_customers::insert(&mut tx, org, &customer, self.server.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        self.sandbox.adopt(Adopted {
            customer,
            org: org.to_string(),
            name: slug.into(),
            plan: "pro".into(),
            label: "Pro".into(),
            lookup_key: "brightmeter-pro".into(),
            price_cents: 14_900,
            anchor: self.server.clock.now().timestamp(),
        });
        org
    }

    pub async fn tell(&self) {
        tell_through(&self.inbox, self.server, &self.sandbox.events()).await;
    }

    pub fn go_to(&self, instant: &str) {
        self.server.clock.set(at(instant));
        self.sandbox.tick();
    }

    async fn plan(&self, org: OrgId) -> (String, License) {
        let terms = self.server.account(org).await.terms;
        (terms.plan.to_string(), terms.license)
    }
}

#[test]
fn a_renewal_that_fails_leads_down_the_ladder_and_paying_leads_back() {
    with_office(async |office| {
        let org = office.subscriber("acme").await;
        office.tell().await;
        assert_eq!(office.plan(org).await, ("pro".into(), License::Active));
        assert_eq!(holdings(office.server, org).await, (200, 0));
        office.sandbox.set_card("cus_acme", false).unwrap();
        // The renewal of 10 April fails, and the first retry of 13 April.
        office.go_to("2026-04-14T10:00:00Z");
        office.tell().await;
        let since = at("2026-04-10T09:00:00Z");
        assert_eq!(office.plan(org).await, ("pro".into(), License::Grace { since }));
        office.server.submit(org, spend("ping")).await.unwrap();
        office.go_to("2026-04-24T09:00:00Z");
        // Nobody has to be told: the sweeper books what time has brought.
        assert_eq!(office.server.sweeper.sweep().await.unwrap(), 1);
        assert_eq!(office.plan(org).await, ("pro".into(), License::Suspended { since: at("2026-04-24T09:00:00Z") }));
        let unpaid = office.sandbox.unpaid_invoices("cus_acme");
        assert_eq!(unpaid.len(), 1);
        office.sandbox.pay_invoice(&unpaid[0]).unwrap();
        office.tell().await;
        assert_eq!(office.plan(org).await, ("pro".into(), License::Active));
        office.server.submit(org, spend("ping")).await.unwrap();
    });
}

#[test]
fn what_no_event_told_is_found_by_comparing_and_taken_in_once() {
    with_office(async |office| {
        let org = office.subscriber("acme").await;
        let Inbox { purchases, plans } = &office.inbox;
        let compare = async |mend| {
            let (pool, since) = (&office.server.pools.writer, office.server.clock.now());
            let report = reconcile::run(purchases, plans, pool, since, mend).await.unwrap();
            let found: Vec<_> = report.findings.iter().map(|found| (found.org, found.kind, found.mended)).collect();
            (report.plans, found)
        };
        let differs = |mended| vec![(org, Difference::PlanOtherwise, mended)];
        assert_eq!(compare(false).await, (1, differs(false)));
        assert_eq!(office.plan(org).await, ("starter".into(), License::Active));
        assert_eq!(compare(true).await, (1, differs(true)));
        assert_eq!(office.plan(org).await, ("pro".into(), License::Active));
        assert_eq!(compare(false).await, (1, vec![]));

        // The renewal of 10 April fails.
        office.sandbox.set_card("cus_acme", false).unwrap();
        office.go_to("2026-04-11T10:00:00Z");
        assert_eq!(compare(true).await, (1, differs(true)));
        assert_eq!(office.plan(org).await.1, License::Grace { since: at("2026-04-10T09:00:00Z") });
        assert_eq!(compare(false).await, (1, vec![]));
        // Who has paid and comes back need not wait for the event.
        let unpaid = office.sandbox.unpaid_invoices("cus_acme").remove(0);
        office.sandbox.pay_invoice(&unpaid).unwrap();
        plans.look_again(org).await.unwrap();
        assert_eq!(office.plan(org).await.1, License::Active);
        let before = holdings(office.server, org).await;
        office.tell().await;
        assert_eq!(holdings(office.server, org).await, before);
        assert_eq!(office.plan(org).await, ("pro".into(), License::Active));
        assert_eq!(compare(false).await, (1, vec![]));
    });
}

#[test]
fn a_subscription_that_ends_takes_the_plan_with_it_and_leaves_packs() {
    with_office(async |office| {
        let org = office.subscriber("acme").await;
        office.tell().await;
        let subscription = office.sandbox.subscriptions("cus_acme").remove(0);
        office.sandbox.cancel_later(&subscription).unwrap();
        office.tell().await;
        let terms = office.server.account(org).await.terms;
        assert_eq!((terms.plan.as_str(), terms.next_plan.unwrap().as_str()), ("pro", "starter"));
        office.go_to("2026-04-10T09:00:00Z");
        office.tell().await;
        let since = at("2026-04-10T09:00:00Z");
        assert_eq!(office.plan(org).await, ("starter".into(), License::Canceled { since }));
        assert_eq!(holdings(office.server, org).await, (0, 0));
    });
}

#[test]
fn all_orders_of_six_events_of_a_subscription_leave_the_same() {
    let orders = permutations(&[0, 1, 2, 3, 4, 5]);
    assert_eq!(orders.len(), 720);
    with_office(async |office| {
        // A renewal that failed, was tried again, and was paid; then the subscription was set to end.
        let kinds = [
            "customer.subscription.created",
            "invoice.payment_failed",
            "customer.subscription.updated",
            "invoice.payment_failed",
            "invoice.paid",
            "customer.subscription.updated",
        ];
        let mut orgs = Vec::new();
        for (n, order) in orders.iter().enumerate() {
            let org = office.subscriber(&format!("org{n}")).await;
            office.sandbox.cancel_later(&office.sandbox.subscriptions(&format!("cus_org{n}"))[0]).unwrap();
            orgs.push((org, order));
        }
        let mut events = Vec::new();
        for step in 0..6 {
            for (n, (_, order)) in orgs.iter().enumerate() {
                let (kind, customer) = (kinds[order[step]], format!("cus_org{n}"));
                let subscription = office.sandbox.subscriptions(&customer).remove(0);
                let object = if kind.starts_with("invoice.") {
                    serde_json::json!({ "id": "in_1", "object": "invoice", "customer": customer, "subscription": subscription })
                } else {
                    // What it says of itself is not believed: only that something changed.
                    serde_json::json!({ "id": subscription, "object": "subscription", "customer": customer, "status": "canceled" })
                };
                events.push(event(&format!("evt_{n}_{}", order[step]), kind, 1_773_133_200, &object));
            }
        }
        tell_through(&office.inbox, office.server, &events).await;
        for (org, order) in orgs {
            let terms = office.server.account(org).await.terms;
            let found = (terms.plan.as_str(), terms.next_plan.as_ref().map(|plan| plan.as_str()), terms.license);
            assert_eq!(found, ("pro", Some("starter"), License::Active), "{order:?}");
            assert_eq!(holdings(office.server, org).await, (200, 0), "{order:?}");
        }
    });
}

#[test]
fn while_stripe_does_not_answer_events_wait_and_nothing_is_guessed() {
    with_office(async |office| {
        let org = office.subscriber("acme").await;
        office.sandbox.set_fault(Fault::Error500);
        office.tell().await;
        assert_eq!(office.plan(org).await, ("starter".into(), License::Active));
        office.sandbox.set_fault(Fault::None);
        let waiting: i64 = office.server.ask("select count(*) from stripe_events where done_at is null").await;
        assert_eq!(waiting, 1);
        office.server.pass(5);
        office.tell().await;
        assert_eq!(office.plan(org).await, ("pro".into(), License::Active));
    });
}
