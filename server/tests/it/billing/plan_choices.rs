//! Choosing plans: the change that was shown is made once, or none is made.

use brightmeter::{
    billing::{
        money::{Currency, Money},
        plan_change::PlanChange,
    },
    command::Command,
    ids::{MemberId, OrgId, PlanOrderId},
    time::Instant,
};
use chrono::TimeDelta;
use futures::future::join_all;
use server::{
    clock::Clock,
    service::{
        inbox::Inbox,
        plans::{Choice, Next, PlanError},
        reconcile::Difference,
    },
    stripe::gateway::{GatewayError, PlanOrder, PricedPlan},
};

use super::{
    shop::{holdings, plan_change, reconcile_all},
    subscriptions::{Office, with_office},
};
use crate::support::{at, by_staff, spend};

/// The owner of an organization on Starter, who chooses plans.
pub struct Chooser<'a> {
    pub office: &'a Office<'a>,
    pub org: OrgId,
    pub owner: MemberId,
}

pub fn with_chooser(test: impl AsyncFnOnce(&Chooser)) {
    with_office(async |office| {
        let org = office.server.org("acme", "starter").await;
        let owner = office.server.person(org, "owner@acme.test", "owner").await;
        test(&Chooser { office, org, owner }).await;
    });
}

impl Chooser<'_> {
    fn new_id(&self) -> PlanOrderId {
        PlanOrderId(self.office.server.clock.new_id())
    }

    /// The plan change that the page of a plan shows.
    async fn plan_change(&self, plan: &str) -> PlanChange {
        plan_change(self.office.server, self.org, plan).await
    }

    async fn choose(&self, id: PlanOrderId, plan: &str) -> Result<Next, PlanError> {
        self.choose_as(id, plan, (self.plan_change(plan).await, self.office.server.clock.now())).await
    }

    /// Chooses with a form from another time.
    async fn choose_as(&self, id: PlanOrderId, plan: &str, shown: (PlanChange, Instant)) -> Result<Next, PlanError> {
        let (plan, (plan_change, from)) = (plan.parse().unwrap(), shown);
        let choice = Choice { plan: &plan, currency: None, plan_change, from };
        self.office.inbox.plans.choose(self.org, self.owner, id, choice).await
    }

    /// Chooses, and returns the Stripe id of the Checkout session to pay.
    async fn order(&self, plan: &str) -> String {
        match self.choose(self.new_id(), plan).await.unwrap() {
            Next::Pay(url) => url.rsplit('/').next().unwrap().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    pub async fn change(&self, plan: &str) {
        assert_eq!(self.choose(self.new_id(), plan).await.unwrap(), Next::Done);
    }

    /// Subscribes to a plan and pays.
    pub async fn subscribe(&self, plan: &str) {
        let session = self.order(plan).await;
        self.office.sandbox.pay(&session).unwrap();
        self.office.inbox.plans.refresh_from_stripe(self.org).await.unwrap();
    }

    /// The plan, the next plan, and the settled balance of AI tokens.
    async fn state(&self) -> (String, Option<String>, i64) {
        let terms = self.office.server.account(self.org).await.terms;
        let settled = holdings(self.office.server, self.org).await.0;
        (terms.plan.to_string(), terms.next_plan.map(|next| next.plan.to_string()), settled)
    }

    fn customer(&self) -> String {
        let mut customers = self.office.sandbox.customers();
        customers.retain(|(_, org)| *org == self.org.to_string());
        assert_eq!(customers.len(), 1);
        customers.remove(0).0
    }
}

#[test]
fn repeated_forms_subscribe_once() {
    with_chooser(async |chooser| {
        let id = chooser.new_id();
        let first = chooser.choose(id, "pro").await.unwrap();
        assert_eq!(chooser.choose(id, "pro").await.unwrap(), first);
        assert!(matches!(chooser.choose(id, "enterprise").await, Err(PlanError::Outdated)));
        // Another choice closes the first one's Checkout page, so that only one can be paid.
        let session = chooser.order("enterprise").await;
        let Next::Pay(url) = first else { panic!("no payment is needed") };
        assert!(chooser.office.sandbox.pay(url.rsplit('/').next().unwrap()).is_err());
        chooser.office.sandbox.pay(&session).unwrap();
        assert_eq!(chooser.state().await, ("starter".into(), None, 0));
        for _ in 0..2 {
            chooser.office.inbox.plans.refresh_from_stripe(chooser.org).await.unwrap();
            chooser.office.deliver().await;
            assert_eq!(chooser.state().await, ("enterprise".into(), None, 2_000));
        }
        assert!(matches!(chooser.choose(chooser.new_id(), "enterprise").await, Err(PlanError::AlreadyOnPlan)));
        assert_eq!(chooser.office.sandbox.subscriptions(&chooser.customer()).len(), 1);
    });
}

#[test]
fn at_most_one_of_concurrent_choices_can_be_paid() {
    with_chooser(async |chooser| {
        let choices = ["pro", "enterprise", "pro", "enterprise"].map(|plan| chooser.choose(chooser.new_id(), plan));
        let pages: Vec<Next> = join_all(choices).await.into_iter().flatten().collect();
        let mut paid = 0;
        for page in pages {
            let Next::Pay(url) = page else { panic!("no payment is needed") };
            paid += usize::from(chooser.office.sandbox.pay(url.rsplit('/').next().unwrap()).is_ok());
        }
        assert!(paid <= 1, "{paid} were paid");
        // Concurrent choices may each have created a customer; the organization keeps one of them.
        let customers = chooser.office.sandbox.customers();
        let subscriptions = customers.iter().map(|(customer, _)| chooser.office.sandbox.subscriptions(customer).len());
        assert_eq!(subscriptions.sum::<usize>(), paid);
    });
}

#[test]
fn an_upgrade_is_paid_and_takes_effect_now_and_a_downgrade_at_the_reset() {
    with_chooser(async |chooser| {
        chooser.subscribe("pro").await;
        chooser.office.server.submit(chooser.org, spend("ping")).await.unwrap();
        let before = chooser.state().await.2;
        chooser.office.go_to("2026-03-20T09:00:00Z");
        let (plans, now) = (&chooser.office.inbox.plans, chooser.office.server.clock.now());
        let enterprise = "enterprise".parse().unwrap();
        // 21 of 31 days are left: $270.29 of $399, less $100.94 of $149.
        assert_eq!(plans.price(chooser.org, &enterprise, now).await.unwrap(), Some(Money::new(16_935, Currency::USD)));
        chooser.change("enterprise").await;
        assert_eq!(chooser.state().await, ("enterprise".into(), None, before + 1_800));
        chooser.change("pro").await;
        assert_eq!(chooser.state().await, ("enterprise".into(), Some("pro".into()), before + 1_800));
        chooser.change("enterprise").await;
        assert_eq!(chooser.state().await, ("enterprise".into(), None, before + 1_800));
        chooser.change("starter").await;
        assert_eq!(chooser.state().await, ("enterprise".into(), Some("starter".into()), before + 1_800));
        chooser.office.go_to("2026-04-10T08:56:00Z");
        assert!(matches!(chooser.choose(chooser.new_id(), "enterprise").await, Err(PlanError::PeriodEnding(_))));
        chooser.office.go_to("2026-04-10T09:00:00Z");
        chooser.office.deliver().await;
        assert_eq!(chooser.state().await, ("starter".into(), None, 0));
        chooser.subscribe("pro").await;
        assert_eq!(chooser.state().await, ("pro".into(), None, 200));
    });
}

#[test]
fn a_suspended_organization_can_cancel_but_not_choose_a_paid_plan() {
    with_chooser(async |chooser| {
        let server = chooser.office.server;
        server.submit(chooser.org, Command::Suspend(by_staff("A chargeback"))).await.unwrap();
        assert!(matches!(chooser.choose(chooser.new_id(), "pro").await, Err(PlanError::Suspended)));
        server.submit(chooser.org, Command::Lift(by_staff("It was settled"))).await.unwrap();
        chooser.subscribe("pro").await;
        server.submit(chooser.org, Command::Suspend(by_staff("Another one"))).await.unwrap();
        for plan in ["pro", "enterprise"] {
            assert!(matches!(chooser.choose(chooser.new_id(), plan).await, Err(PlanError::Suspended)), "{plan}");
        }
        chooser.change("starter").await;
        assert_eq!(chooser.state().await, ("pro".into(), Some("starter".into()), 200));
    });
}

#[test]
fn a_change_that_was_not_shown_is_not_made() {
    with_chooser(async |chooser| {
        chooser.subscribe("pro").await;
        let clock = &chooser.office.server.clock;
        let stale = async |plan, shown| {
            let chosen = chooser.choose_as(chooser.new_id(), plan, shown).await;
            assert!(matches!(chosen, Err(PlanError::Outdated)), "{plan} {shown:?}: {chosen:?}");
        };
        // Another window has subscribed meanwhile.
        stale("enterprise", (PlanChange::Subscribe, clock.now())).await;
        chooser.office.go_to("2026-03-20T09:00:00Z");
        chooser.change("enterprise").await;
        chooser.change("pro").await;
        let before = clock.now();
        assert_eq!(chooser.plan_change("enterprise").await, PlanChange::Keep);
        // After the reset, Enterprise would have to be paid again.
        chooser.office.go_to("2026-04-10T09:00:00Z");
        chooser.office.deliver().await;
        assert_eq!(chooser.state().await, ("pro".into(), None, 200));
        stale("enterprise", (PlanChange::Keep, before)).await;
        // The price that was shown is for the rest of another billing period.
        stale("enterprise", (PlanChange::Upgrade, before)).await;
        assert_eq!(chooser.state().await, ("pro".into(), None, 200));

        // A repeated form reports success and has no further effect.
        let (id, shown) = (chooser.new_id(), (PlanChange::Upgrade, clock.now()));
        assert_eq!(chooser.choose_as(id, "enterprise", shown).await.unwrap(), Next::Done);
        assert_eq!(chooser.choose_as(id, "enterprise", shown).await.unwrap(), Next::Done);
        assert!(matches!(
            chooser.choose_as(chooser.new_id(), "enterprise", shown).await,
            Err(PlanError::AlreadyOnPlan)
        ));
        assert_eq!(chooser.state().await, ("enterprise".into(), None, 2_000));
    });
}

#[test]
fn billing_periods_follow_the_subscription() {
    with_chooser(async |chooser| {
        let Chooser { office, org, .. } = chooser;
        // The organization's own billing periods begin on the tenth, when it was created.
        office.go_to("2026-03-20T15:30:00Z");
        chooser.subscribe("pro").await;
        office.server.submit(*org, spend("ping")).await.unwrap();
        let spent = chooser.state().await.2;
        assert!(spent < 200, "{spent}");
        for (now, settled) in
            [("2026-04-10T09:00:00Z", spent), ("2026-04-20T15:29:59Z", spent), ("2026-04-20T15:30:00Z", 200)]
        {
            office.go_to(now);
            office.server.sweeper.sweep().await.unwrap();
            assert_eq!(chooser.state().await.2, settled, "{now}");
        }
        assert_eq!(office.server.account(*org).await.terms.anchor.0, at("2026-03-20T15:30:00Z"));
    });
}

#[test]
fn a_declined_card_changes_nothing() {
    with_chooser(async |chooser| {
        chooser.subscribe("pro").await;
        chooser.office.go_to("2026-03-20T09:00:00Z");
        chooser.office.sandbox.set_card(&chooser.customer(), false).unwrap();
        let declined = chooser.choose(chooser.new_id(), "enterprise").await;
        assert!(matches!(declined, Err(PlanError::Gateway(GatewayError::Declined))), "{declined:?}");
        chooser.office.deliver().await;
        assert_eq!(chooser.state().await, ("pro".into(), None, 200));
        // The renewal fails too. While it is unpaid, upgrades are refused, and the customer portal stays available.
        chooser.office.go_to("2026-04-10T09:00:00Z");
        chooser.office.deliver().await;
        assert!(matches!(chooser.choose(chooser.new_id(), "enterprise").await, Err(PlanError::Unpaid)));
        let portal = chooser.office.inbox.plans.open_portal(chooser.org).await.unwrap();
        assert!(portal.contains("/portal/"), "{portal}");
        chooser.office.sandbox.set_card(&chooser.customer(), true).unwrap();
        let unpaid = chooser.office.sandbox.unpaid_invoices(&chooser.customer()).remove(0);
        chooser.office.sandbox.pay_invoice(&unpaid).unwrap();
        chooser.office.deliver().await;
        chooser.change("enterprise").await;
        assert_eq!(chooser.state().await, ("enterprise".into(), None, 2_000));
    });
}

#[test]
fn duplicate_subscriptions_need_attention() {
    with_chooser(async |chooser| {
        chooser.subscribe("pro").await;
        let (office, customer) = (chooser.office, chooser.customer());
        let Inbox { purchases, plans, .. } = &office.inbox;
        // A second subscription, created by hand.
        let now = office.server.clock.now();
        let plan = plans.catalog.plan(&"pro".parse().unwrap()).unwrap();
        let by_hand = PlanOrder {
            org: chooser.org,
            id: chooser.new_id(),
            plan: PricedPlan { plan, price: plans.catalog.money(plan.price_cents) },
            customer: &customer,
            trial_days: 0,
            until: now + TimeDelta::hours(1),
            base_url: &plans.base_url,
        };
        let page = plans.gateway.as_ref().unwrap().open_subscription(&by_hand).await.unwrap();
        office.sandbox.pay(&page.session).unwrap();
        office.deliver().await;
        assert_eq!(chooser.state().await, ("pro".into(), None, 200));
        let report = reconcile_all(purchases, plans, &office.server.pools.writer, now, true).await;
        let found: Vec<_> = report.findings.iter().map(|found| (found.kind, found.fixed)).collect();
        assert_eq!(found, [(Difference::DuplicateSubscriptions, false)]);
    });
}
