//! Plan, billing periods and license follow the subscription at the sandbox, which is called over HTTP like Stripe.

use std::sync::Arc;

use axum::Router;
use brightmeter::{
    billing::license::{License, SuspensionCause},
    ids::OrgId,
};
use server::{
    clock::Clock,
    demo::stripe_sandbox::{Fault, MOUNT, Sandbox, SeedAccount, Settings},
    service::{inbox::Inbox, plans::Plans, reconcile::Difference},
    storage::{stripe_customers, tenant},
    stripe::{api::StripeApi, signature::WebhookSecret},
};
use tokio::net::TcpListener;

use super::{
    license::permutations,
    shop::{deliver_to, event, holdings, reconcile_all},
};
use crate::{
    http::browser::WEBHOOK_SECRET,
    support::{TestServer, at, spend, with_server},
};

/// A sandbox where organizations subscribe to Pro, and an inbox that calls it.
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
        let inbox = Inbox { purchases: server.purchases(&server.writer), plans, live: Some(false) };
        test(&Office { server, sandbox, inbox }).await;
        serving.abort();
    });
}

impl Office<'_> {
    /// An organization on Starter whose Stripe customer, `cus_` and its slug, has just subscribed to Pro.
    async fn subscriber(&self, slug: &str) -> OrgId {
        let org = self.server.org(slug, "starter").await;
        let customer = format!("cus_{slug}");
        let mut tx = tenant::begin(&self.server.pools.app, org).await.unwrap();
        stripe_customers::insert(&mut tx, org, &customer, self.server.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        self.sandbox.seed(SeedAccount {
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

    pub async fn deliver(&self) {
        deliver_to(&self.inbox, self.server, &self.sandbox.events()).await;
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
fn a_failed_renewal_steps_down_the_ladder_and_a_payment_restores_the_license() {
    with_office(async |office| {
        let org = office.subscriber("acme").await;
        office.deliver().await;
        assert_eq!(office.plan(org).await, ("pro".into(), License::Active));
        assert_eq!(holdings(office.server, org).await, (200, 0));
        office.sandbox.set_card("cus_acme", false).unwrap();
        // The renewal of 10 April fails, and the first retry of 13 April.
        office.go_to("2026-04-14T10:00:00Z");
        office.deliver().await;
        let since = at("2026-04-10T09:00:00Z");
        assert_eq!(office.plan(org).await, ("pro".into(), License::Grace { since }));
        office.server.submit(org, spend("ping")).await.unwrap();
        office.go_to("2026-04-24T09:00:00Z");
        // No event is needed: the sweeper books the due step.
        assert_eq!(office.server.sweeper.sweep().await.unwrap(), 1);
        assert_eq!(
            office.plan(org).await,
            (
                "pro".into(),
                License::Suspended { since: at("2026-04-24T09:00:00Z"), cause: SuspensionCause::NonPayment }
            )
        );
        let unpaid = office.sandbox.unpaid_invoices("cus_acme");
        assert_eq!(unpaid.len(), 1);
        office.sandbox.pay_invoice(&unpaid[0]).unwrap();
        office.deliver().await;
        assert_eq!(office.plan(org).await, ("pro".into(), License::Active));
        office.server.submit(org, spend("ping")).await.unwrap();
    });
}

#[test]
fn reconciliation_finds_missed_events_and_applies_them_once() {
    with_office(async |office| {
        let org = office.subscriber("acme").await;
        let Inbox { purchases, plans, .. } = &office.inbox;
        let compare = async |fix| {
            let (pool, since) = (&office.server.pools.writer, office.server.clock.now());
            let report = reconcile_all(purchases, plans, pool, since, fix).await;
            let found: Vec<_> = report.findings.iter().map(|found| (found.org, found.kind, found.fixed)).collect();
            (report.plans, found)
        };
        let differs = |fixed| vec![(org, Difference::PlanDiffers, fixed)];
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
        // A customer who returns after paying need not wait for the event.
        let unpaid = office.sandbox.unpaid_invoices("cus_acme").remove(0);
        office.sandbox.pay_invoice(&unpaid).unwrap();
        plans.refresh_from_stripe(org).await.unwrap();
        assert_eq!(office.plan(org).await.1, License::Active);
        let before = holdings(office.server, org).await;
        office.deliver().await;
        assert_eq!(holdings(office.server, org).await, before);
        assert_eq!(office.plan(org).await, ("pro".into(), License::Active));
        assert_eq!(compare(false).await, (1, vec![]));
    });
}

#[test]
fn the_end_of_a_subscription_ends_the_plan_and_its_allowance() {
    with_office(async |office| {
        let org = office.subscriber("acme").await;
        office.deliver().await;
        let subscription = office.sandbox.subscriptions("cus_acme").remove(0);
        office.sandbox.cancel_at_period_end(&subscription).unwrap();
        office.deliver().await;
        let terms = office.server.account(org).await.terms;
        assert_eq!((terms.plan.as_str(), terms.next_plan.unwrap().plan.as_str()), ("pro", "starter"));
        office.go_to("2026-04-10T09:00:00Z");
        office.deliver().await;
        let since = at("2026-04-10T09:00:00Z");
        assert_eq!(office.plan(org).await, ("starter".into(), License::Canceled { since }));
        assert_eq!(holdings(office.server, org).await, (0, 0));
    });
}

#[test]
fn six_events_of_a_subscription_have_the_same_effect_in_any_order() {
    let orders = permutations(&[0, 1, 2, 3, 4, 5]);
    assert_eq!(orders.len(), 720);
    with_office(async |office| {
        // A renewal failed, was retried and was paid; then the subscription was set to cancel.
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
            office.sandbox.cancel_at_period_end(&office.sandbox.subscriptions(&format!("cus_org{n}"))[0]).unwrap();
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
                    // The event's own state is ignored: it only says that something has changed.
                    serde_json::json!({ "id": subscription, "object": "subscription", "customer": customer, "status": "canceled" })
                };
                events.push(event(&format!("evt_{n}_{}", order[step]), kind, 1_773_133_200, &object));
            }
        }
        deliver_to(&office.inbox, office.server, &events).await;
        for (org, order) in orgs {
            let terms = office.server.account(org).await.terms;
            let found = (terms.plan.as_str(), terms.next_plan.as_ref().map(|next| next.plan.as_str()), terms.license);
            assert_eq!(found, ("pro", Some("starter"), License::Active), "{order:?}");
            assert_eq!(holdings(office.server, org).await, (200, 0), "{order:?}");
        }
    });
}

#[test]
fn while_stripe_is_unavailable_events_wait_and_no_state_is_assumed() {
    with_office(async |office| {
        let org = office.subscriber("acme").await;
        office.sandbox.set_fault(Fault::Error500);
        office.deliver().await;
        assert_eq!(office.plan(org).await, ("starter".into(), License::Active));
        office.sandbox.set_fault(Fault::None);
        let waiting: i64 = office.server.query_value("select count(*) from stripe_events where done_at is null").await;
        assert_eq!(waiting, 1);
        office.server.advance(5);
        office.deliver().await;
        assert_eq!(office.plan(org).await, ("pro".into(), License::Active));
    });
}
