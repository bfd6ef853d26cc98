//! Buying packs at the sandbox, which is called over HTTP like Stripe.

use std::{sync::Arc, time::Duration};

use axum::{Router, http::StatusCode};
use brightmeter::{
    billing::payment::Stage,
    command::Command,
    ids::{MemberId, OrgId, PurchaseId},
};
use server::{
    clock::Clock,
    demo::stripe_sandbox::{Fault, MOUNT, Sandbox, Settings},
    service::{
        plans::Plans,
        purchases::{OrderError, Purchases},
        reconcile::Difference,
    },
    storage::{
        purchases::{self, Order},
        tenant,
    },
    stripe::{api::StripeApi, gateway::GatewayError, signature::WebhookSecret},
};
use tokio::net::TcpListener;

use super::shop::{deliver, holdings, reconcile_all};
use crate::{
    http::browser::{Site, WEBHOOK_SECRET},
    support::{TestServer, by_staff, with_server},
};

/// An organization, and a sandbox to buy packs at.
struct Shop<'a> {
    server: &'a TestServer,
    org: OrgId,
    owner: MemberId,
    sandbox: Sandbox,
    purchases: Purchases,
}

fn with_shop(plan: &str, test: impl AsyncFnOnce(&Shop)) {
    with_server(async |server| {
        let org = server.org("bright-audio", plan).await;
        let owner = server.person(org, "owner@bright-audio.test", "owner").await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = format!("http://{}", listener.local_addr().unwrap());
        let sandbox = Sandbox::open(Settings {
            secret_key: "sk_test_shop".into(),
            webhook_secret: WebhookSecret::new(WEBHOOK_SECRET.into()),
            clock: server.clock.clone(),
            site: site.clone(),
            mount: MOUNT.into(),
            file: None,
        });
        let router = Router::new().nest_service(MOUNT, sandbox.router());
        let serving = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        let api = StripeApi::new("sk_test_shop", Some(&format!("{site}{MOUNT}"))).unwrap();
        let gateway = Arc::new(api.with_attempt_timeout(Duration::from_millis(300)));
        let purchases = Purchases { gateway: Some(gateway), ..server.purchases(&server.writer) };
        test(&Shop { server, org, owner, sandbox, purchases }).await;
        serving.abort();
    });
}

impl Shop<'_> {
    fn new_id(&self) -> PurchaseId {
        PurchaseId(self.server.clock.new_id())
    }

    async fn order(&self, id: PurchaseId) -> Result<String, OrderError> {
        self.purchases.order(self.org, self.owner, id, &"booster".parse().unwrap(), None).await
    }

    async fn find(&self, id: PurchaseId) -> Order {
        let mut tx = tenant::begin(&self.server.pools.app, self.org).await.unwrap();
        purchases::find(&mut tx, self.org, id).await.unwrap().unwrap()
    }

    /// Orders a pack. Returns the order's id and its session's Stripe id.
    async fn ordered(&self) -> (PurchaseId, String) {
        let id = self.new_id();
        let url = self.order(id).await.unwrap();
        (id, url.rsplit('/').next().unwrap().to_owned())
    }

    async fn deliver(&self) {
        deliver(self.server, &self.sandbox.events()).await;
    }

    async fn holdings(&self) -> (i64, i64) {
        holdings(self.server, self.org).await
    }

    /// The Stripe id of a paid order's payment intent.
    async fn payment(&self, id: PurchaseId) -> String {
        self.find(id).await.purchase.payment.stripe_ids.payment_intents.first().unwrap().clone()
    }
}

#[test]
fn a_paid_pack_is_credited_once_on_the_return_from_checkout_or_by_the_event() {
    with_shop("pro", async |shop| {
        let (id, session) = shop.ordered().await;
        shop.purchases.refresh_from_stripe(shop.org, &shop.find(id).await).await.unwrap();
        assert_eq!(shop.holdings().await, (200, 0));
        shop.sandbox.pay(&session).unwrap();
        for _ in 0..2 {
            shop.purchases.refresh_from_stripe(shop.org, &shop.find(id).await).await.unwrap();
            assert_eq!(shop.holdings().await, (700, 0));
        }
        shop.deliver().await;
        assert_eq!(shop.holdings().await, (700, 0));
        let order = shop.find(id).await;
        assert_eq!((order.purchase.payment.stage, order.purchase.paid()), (Stage::Paid, Some(order.purchase.price)));
        assert_eq!(order.purchase.credit.unwrap().number, 1);
    });
}

#[test]
fn a_concurrent_return_and_event_credit_once() {
    with_shop("pro", async |shop| {
        for n in 1..=200 {
            let (id, session) = shop.ordered().await;
            shop.sandbox.pay(&session).unwrap();
            let order = shop.find(id).await;
            let (back, ()) = tokio::join!(shop.purchases.refresh_from_stripe(shop.org, &order), shop.deliver());
            back.unwrap();
            assert_eq!(shop.holdings().await, (200 + 500 * n, 0));
        }
    });
}

#[test]
fn an_order_that_is_sent_twice_leads_to_one_checkout_page() {
    with_shop("pro", async |shop| {
        // An organization's first order also creates its customer: so each iteration uses another organization.
        for n in 0..20 {
            let org = shop.server.org(&format!("org-{n}"), "pro").await;
            let owner = shop.server.member(org, &format!("owner@org-{n}.test")).await;
            let (id, pack) = (shop.new_id(), "booster".parse().unwrap());
            let order = || shop.purchases.order(org, owner, id, &pack, None);
            let (first, second) = tokio::join!(order(), order());
            let (first, second, third) = (first.unwrap(), second.unwrap(), order().await.unwrap());
            assert_eq!((&first, &first), (&second, &third));
        }
    });
}

#[test]
fn a_bank_debit_is_pending_until_it_clears() {
    with_shop("pro", async |shop| {
        let (paid, session) = shop.ordered().await;
        shop.sandbox.pay_later(&session).unwrap();
        shop.deliver().await;
        assert_eq!((shop.find(paid).await.purchase.payment.stage, shop.holdings().await), (Stage::Pending, (200, 0)));
        shop.sandbox.succeed_debit(&session).unwrap();
        shop.deliver().await;
        assert_eq!((shop.find(paid).await.purchase.payment.stage, shop.holdings().await), (Stage::Paid, (700, 0)));

        let (bounced, session) = shop.ordered().await;
        shop.sandbox.pay_later(&session).unwrap();
        shop.sandbox.fail_debit(&session).unwrap();
        shop.deliver().await;
        assert_eq!((shop.find(bounced).await.purchase.payment.stage, shop.holdings().await), (Stage::Failed, (700, 0)));

        let (expired, session) = shop.ordered().await;
        assert!(shop.sandbox.decline(&session).is_ok());
        shop.sandbox.expire(&session).unwrap();
        shop.deliver().await;
        assert_eq!(
            (shop.find(expired).await.purchase.payment.stage, shop.holdings().await),
            (Stage::Expired, (700, 0))
        );
    });
}

#[test]
fn refunds_and_disputes_claw_tokens_back_and_reinstate_them() {
    with_shop("pro", async |shop| {
        let (id, session) = shop.ordered().await;
        shop.sandbox.pay(&session).unwrap();
        shop.deliver().await;
        let payment = shop.payment(id).await;
        shop.sandbox.refund(&payment, 1_450).unwrap();
        shop.deliver().await;
        assert_eq!(shop.holdings().await, (450, 0));
        let refund = shop.find(id).await.purchase.payment.refunds.keys().next().unwrap().clone();
        shop.sandbox.fail_refund(&refund).unwrap();
        shop.deliver().await;
        assert_eq!(shop.holdings().await, (700, 0));
        shop.sandbox.dispute(&payment).unwrap();
        shop.deliver().await;
        assert_eq!(shop.holdings().await, (200, 0));
        let dispute = shop.find(id).await.purchase.payment.disputes.keys().next().unwrap().clone();
        shop.sandbox.close_dispute(&dispute, true).unwrap();
        shop.deliver().await;
        assert_eq!(shop.holdings().await, (700, 0));
    });
}

#[test]
fn an_order_survives_a_stripe_outage_and_can_be_sent_again() {
    with_shop("pro", async |shop| {
        let id = shop.new_id();
        for fault in [Fault::Error500, Fault::Hang] {
            shop.sandbox.set_fault(fault);
            let error = shop.order(id).await.unwrap_err();
            assert!(matches!(error, OrderError::Gateway(GatewayError::Unavailable(_))), "{error:?}");
            assert_eq!(shop.find(id).await.checkout, None);
        }
        // Spends meanwhile do not wait for Stripe.
        shop.server.submit(shop.org, crate::support::spend("ping")).await.unwrap();
        shop.sandbox.set_fault(Fault::None);
        let session = shop.order(id).await.unwrap().rsplit('/').next().unwrap().to_owned();
        shop.sandbox.pay(&session).unwrap();
        shop.deliver().await;
        assert_eq!(shop.holdings().await, (699, 0));
    });
}

#[test]
fn reconciliation_finds_and_fixes_missed_events() {
    with_shop("pro", async |shop| {
        let ((paid, session), (returned, other)) = (shop.ordered().await, shop.ordered().await);
        for session in [&session, &other] {
            shop.sandbox.pay(session).unwrap();
        }
        shop.purchases.refresh_from_stripe(shop.org, &shop.find(returned).await).await.unwrap();
        shop.sandbox.refund(&shop.payment(returned).await, 1_450).unwrap();
        let run = async |fix| {
            let since = shop.server.clock.now();
            let plans = Plans::from_purchases(&shop.purchases);
            let report = reconcile_all(&shop.purchases, &plans, &shop.server.pools.writer, since, fix).await;
            let mut found: Vec<_> = report
                .findings
                .iter()
                .map(|finding| (finding.purchase.unwrap(), finding.kind, finding.fixed))
                .collect();
            found.sort_by_key(|finding| finding.0);
            (report.purchases, found)
        };
        let mut expected =
            vec![(paid, Difference::PaidNotCredited, false), (returned, Difference::RefundsDiffer, false)];
        expected.sort_by_key(|finding| finding.0);
        assert_eq!(run(false).await, (2, expected.clone()));
        assert_eq!(shop.holdings().await, (700, 0));
        expected.iter_mut().for_each(|finding| finding.2 = true);
        assert_eq!(run(true).await, (2, expected));
        assert_eq!(shop.holdings().await, (950, 0));
        assert_eq!(run(false).await, (2, vec![]));
        // The late events have no further effect.
        shop.deliver().await;
        assert_eq!(shop.holdings().await, (950, 0));

        shop.sandbox.dispute(&shop.payment(paid).await).unwrap();
        assert_eq!(run(true).await, (2, vec![(paid, Difference::RefundsDiffer, true)]));
        assert_eq!(shop.holdings().await, (450, 0));
    });
}

#[test]
fn unpaid_orders_are_limited_per_hour() {
    with_shop("pro", async |shop| {
        for _ in 0..30 {
            shop.ordered().await;
        }
        assert!(matches!(shop.order(shop.new_id()).await, Err(OrderError::TooMany)));
        shop.server.advance(3_601);
        shop.order(shop.new_id()).await.unwrap();
    });
}

#[test]
fn packs_are_not_sold_to_a_plan_that_cannot_spend_them() {
    with_shop("starter", async |shop| {
        assert!(matches!(shop.order(shop.new_id()).await, Err(OrderError::PlanWithoutAi)));
        let unknown = shop.purchases.order(shop.org, shop.owner, shop.new_id(), &"gold".parse().unwrap(), None).await;
        assert!(matches!(unknown, Err(OrderError::UnknownPack)));
    });
}

#[test]
fn packs_are_not_sold_to_a_suspended_organization_but_paid_ones_are_credited() {
    with_shop("pro", async |shop| {
        let (id, session) = shop.ordered().await;
        shop.server.submit(shop.org, Command::Suspend(by_staff("A chargeback"))).await.unwrap();
        for id in [id, shop.new_id()] {
            assert!(
                matches!(shop.order(id).await, Err(OrderError::Suspended)),
                "the old Checkout page is not shown again either"
            );
        }
        shop.sandbox.pay(&session).unwrap();
        shop.deliver().await;
        assert_eq!(shop.holdings().await, (700, 0));
        shop.server.submit(shop.org, Command::Lift(by_staff("It was settled"))).await.unwrap();
        shop.ordered().await;
    });
}

#[test]
fn only_those_who_manage_the_organization_buy_packs_and_see_purchases() {
    with_shop("pro", async |shop| {
        let site = Site::selling(shop.server, shop.purchases.clone());
        shop.server.member(shop.org, "member@bright-audio.test").await;
        let mut owner = site.signed_in("owner@bright-audio.test").await;
        let mut member = site.signed_in("member@bright-audio.test").await;
        let id = shop.new_id().to_string();
        let fields = [("id", id.as_str()), ("pack", "booster")];
        assert_eq!(member.post("/billing/buy", &fields).await.status, StatusCode::FORBIDDEN);
        let sent = owner.post("/billing/buy", &fields).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER);
        let session = sent.location().rsplit('/').next().unwrap().to_owned();
        let page = format!("/billing/purchases/{id}");
        assert!(owner.get(&page).await.text().contains("Not paid yet"));
        shop.sandbox.pay(&session).unwrap();
        let text = owner.get(&format!("{page}?from=stripe")).await.text();
        assert!(
            text.contains("Receipt 1 for bright-audio") && text.contains("500 AI tokens and 50 Deep tokens"),
            "{text}"
        );
        assert!(owner.get("/billing/purchases").await.text().contains("Receipt 1"));
        let file = owner.get("/billing/purchases.csv").await.body;
        assert!(file.lines().nth(1).unwrap().starts_with("1,2026-03-10T09:00:00Z,"), "{file}");
        for path in [page.as_str(), "/billing/purchases", "/billing/purchases.csv"] {
            assert_eq!(member.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
        }
        let other = shop.server.org("nightshift-labs", "pro").await;
        shop.server.person(other, "owner@nightshift-labs.test", "owner").await;
        let mut stranger = site.signed_in("owner@nightshift-labs.test").await;
        assert_eq!(stranger.get(&page).await.status, StatusCode::NOT_FOUND);
        // Another organization's order id in one's own form: it is unknown here, so this is a new order with the same
        // id.
        assert_eq!(stranger.post("/billing/buy", &fields).await.status, StatusCode::SEE_OTHER);

        shop.sandbox.set_fault(Fault::Error500);
        let id = shop.new_id().to_string();
        let refused = owner.post("/billing/buy", &[("id", id.as_str()), ("pack", "booster")]).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.text().contains("isn't responding right now. Nothing was charged"), "{}", refused.text());
    });
}

#[test]
fn staff_see_differences_from_stripe_and_fix_them() {
    with_shop("pro", async |shop| {
        let site = Site::selling(shop.server, shop.purchases.clone());
        let mut staff = site.staff(shop.server).await;
        let page = staff.post("/admin/reconciliation", &[]).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text().contains("In sync with Stripe"), "{}", page.text());
        let (id, session) = shop.ordered().await;
        shop.sandbox.pay(&session).unwrap();
        let page = staff.post("/admin/reconciliation", &[]).await;
        let text = page.text();
        for part in ["1 difference found", "Compared 1 purchase and 1 plan.", "Paid, but not credited"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(shop.holdings().await, (200, 0), "comparing changes nothing");

        let report = page.hidden_json("report");
        let fields = [("report", report.as_str()), ("finding", "0")];
        let mut owner = site.signed_in("owner@bright-audio.test").await;
        for path in ["/admin/reconciliation", "/admin/reconciliation/fix"] {
            assert_eq!(owner.post(path, &fields).await.status, StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(shop.holdings().await, (200, 0));
        for _ in 0..2 {
            let fixed = staff.post("/admin/reconciliation/fix", &fields).await;
            assert_eq!(fixed.status, StatusCode::OK, "{}", fixed.text());
            assert!(fixed.text().contains("Fixed 1 difference."), "{}", fixed.text());
            assert_eq!(shop.holdings().await, (700, 0));
        }
        let text = staff.post("/admin/reconciliation", &[]).await.text();
        assert!(text.contains("In sync with Stripe"), "{text}");
        let unknown = shop.new_id().to_string();
        let report = report.replace(&id.to_string(), &unknown);
        let page = staff.post("/admin/reconciliation/fix", &[("report", report.as_str()), ("finding", "0")]).await;
        assert!(!page.text().contains("Fixed"), "an unknown purchase stays a difference: {}", page.text());

        shop.sandbox.set_fault(Fault::Error500);
        let page = staff.post("/admin/reconciliation", &[]).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(page.text().contains("Stripe didn't answer in time"), "{}", page.text());
    });
}
