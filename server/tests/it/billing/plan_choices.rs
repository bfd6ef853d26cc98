//! Members choose plans: what they are shown is done once, or nothing is.

use brightmeter::{
    billing::plan_change::PlanChange,
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
        plans::{Next, PlanError},
        reconcile::{self, Difference},
    },
    storage::{licenses, tenant},
    stripe::gateway::{GatewayError, PlanOrder},
};

use super::{
    shop::holdings,
    subscriptions::{Office, with_office},
};
use crate::support::{at, by_staff, spend};

/// A member of an organization on Starter, who chooses plans.
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

    /// Which way the page of a plan says that it goes.
    async fn plan_change(&self, plan: &str) -> PlanChange {
        let terms = self.office.server.account(self.org).await.terms;
        let mut tx = tenant::begin(&self.office.server.pools.app, self.org).await.unwrap();
        let (_, known) = licenses::find_invoices(&mut tx, self.org).await.unwrap();
        let subscribed = known.is_some_and(|snapshot| snapshot.live.is_some());
        let catalog = &self.office.server.catalog;
        PlanChange::to(catalog.plan(&plan.parse().unwrap()).unwrap(), &terms, subscribed, catalog)
    }

    async fn choose(&self, id: PlanOrderId, plan: &str) -> Result<Next, PlanError> {
        self.choose_as(id, plan, (self.plan_change(plan).await, self.office.server.clock.now())).await
    }

    /// As a page says that was made at another time.
    async fn choose_as(&self, id: PlanOrderId, plan: &str, shown: (PlanChange, Instant)) -> Result<Next, PlanError> {
        self.office.inbox.plans.choose(self.org, self.owner, id, &plan.parse().unwrap(), shown).await
    }

    /// Chooses, and answers with Stripe's name of the session to pay.
    async fn order(&self, plan: &str) -> String {
        match self.choose(self.new_id(), plan).await.unwrap() {
            Next::Pay(url) => url.rsplit('/').next().unwrap().to_owned(),
            Next::Done => panic!("nothing is to be paid"),
        }
    }

    pub async fn change(&self, plan: &str) {
        assert_eq!(self.choose(self.new_id(), plan).await.unwrap(), Next::Done);
    }

    /// Subscribes to a plan, and pays.
    pub async fn subscribe(&self, plan: &str) {
        let session = self.order(plan).await;
        self.office.sandbox.pay(&session).unwrap();
        self.office.inbox.plans.look_again(self.org).await.unwrap();
    }

    /// The plan, the next one, and what is settled of AI tokens.
    async fn stands(&self) -> (String, Option<String>, i64) {
        let terms = self.office.server.account(self.org).await.terms;
        let settled = holdings(self.office.server, self.org).await.0;
        (terms.plan.to_string(), terms.next_plan.map(|plan| plan.to_string()), settled)
    }

    fn customer(&self) -> String {
        let mut customers = self.office.sandbox.customers();
        customers.retain(|(_, org)| *org == self.org.to_string());
        assert_eq!(customers.len(), 1);
        customers.remove(0).0
    }
}

#[test]
fn a_plan_is_subscribed_to_once_however_often_the_form_is_sent() {
    with_chooser(async |chooser| {
        let id = chooser.new_id();
        let first = chooser.choose(id, "pro").await.unwrap();
        assert_eq!(chooser.choose(id, "pro").await.unwrap(), first);
        assert!(matches!(chooser.choose(id, "enterprise").await, Err(PlanError::OtherOrder)));
        // Another choice closes the page of the first: nobody pays both.
        let session = chooser.order("enterprise").await;
        let Next::Pay(url) = first else { panic!("nothing is to be paid") };
        assert!(chooser.office.sandbox.pay(url.rsplit('/').next().unwrap()).is_err());
        chooser.office.sandbox.pay(&session).unwrap();
        assert_eq!(chooser.stands().await, ("starter".into(), None, 0));
        for _ in 0..2 {
            chooser.office.inbox.plans.look_again(chooser.org).await.unwrap();
            chooser.office.tell().await;
            assert_eq!(chooser.stands().await, ("enterprise".into(), None, 2_000));
        }
        assert!(matches!(chooser.choose(chooser.new_id(), "enterprise").await, Err(PlanError::Same)));
        assert_eq!(chooser.office.sandbox.subscriptions(&chooser.customer()).len(), 1);
    });
}

#[test]
fn of_choices_at_the_same_time_one_can_be_paid_at_the_most() {
    with_chooser(async |chooser| {
        let choices = ["pro", "enterprise", "pro", "enterprise"].map(|plan| chooser.choose(chooser.new_id(), plan));
        let pages: Vec<Next> = join_all(choices).await.into_iter().flatten().collect();
        let mut paid = 0;
        for page in pages {
            let Next::Pay(url) = page else { panic!("nothing is to be paid") };
            paid += usize::from(chooser.office.sandbox.pay(url.rsplit('/').next().unwrap()).is_ok());
        }
        assert!(paid <= 1, "{paid} were paid");
        // Several at once may each have made Stripe know them; one of those names is kept.
        let customers = chooser.office.sandbox.customers();
        let made = customers.iter().map(|(customer, _)| chooser.office.sandbox.subscriptions(customer).len());
        assert_eq!(made.sum::<usize>(), paid);
    });
}

#[test]
fn up_is_paid_and_counts_at_once_and_down_counts_from_the_reset() {
    with_chooser(async |chooser| {
        chooser.subscribe("pro").await;
        chooser.office.server.submit(chooser.org, spend("ping")).await.unwrap();
        let before = chooser.stands().await.2;
        chooser.office.go_to("2026-03-20T09:00:00Z");
        let (plans, now) = (&chooser.office.inbox.plans, chooser.office.server.clock.now());
        let enterprise = "enterprise".parse().unwrap();
        // 21 of 31 days are left: $270.29 of $399, less $100.94 of $149.
        assert_eq!(plans.price(chooser.org, &enterprise, now).await.unwrap(), Some(16_935));
        chooser.change("enterprise").await;
        assert_eq!(chooser.stands().await, ("enterprise".into(), None, before + 1_800));
        chooser.change("pro").await;
        assert_eq!(chooser.stands().await, ("enterprise".into(), Some("pro".into()), before + 1_800));
        chooser.change("enterprise").await;
        assert_eq!(chooser.stands().await, ("enterprise".into(), None, before + 1_800));
        chooser.change("starter").await;
        assert_eq!(chooser.stands().await, ("enterprise".into(), Some("starter".into()), before + 1_800));
        chooser.office.go_to("2026-04-10T08:56:00Z");
        assert!(matches!(chooser.choose(chooser.new_id(), "enterprise").await, Err(PlanError::MonthEnds(_))));
        chooser.office.go_to("2026-04-10T09:00:00Z");
        chooser.office.tell().await;
        assert_eq!(chooser.stands().await, ("starter".into(), None, 0));
        chooser.subscribe("pro").await;
        assert_eq!(chooser.stands().await, ("pro".into(), None, 200));
    });
}

#[test]
fn whom_staff_have_suspended_takes_no_paid_plan_and_may_end_one() {
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
        assert_eq!(chooser.stands().await, ("pro".into(), Some("starter".into()), 200));
    });
}

#[test]
fn what_was_not_shown_is_not_done() {
    with_chooser(async |chooser| {
        chooser.subscribe("pro").await;
        let clock = &chooser.office.server.clock;
        let stale = async |plan, shown| {
            let chosen = chooser.choose_as(chooser.new_id(), plan, shown).await;
            assert!(matches!(chosen, Err(PlanError::OtherOrder)), "{plan} {shown:?}: {chosen:?}");
        };
        // Somebody has subscribed in another window meanwhile.
        stale("enterprise", (PlanChange::Subscribe, clock.now())).await;
        chooser.office.go_to("2026-03-20T09:00:00Z");
        chooser.change("enterprise").await;
        chooser.change("pro").await;
        let before = clock.now();
        assert_eq!(chooser.plan_change("enterprise").await, PlanChange::Keep);
        // The reset has come since, and Enterprise would have to be paid for again.
        chooser.office.go_to("2026-04-10T09:00:00Z");
        chooser.office.tell().await;
        assert_eq!(chooser.stands().await, ("pro".into(), None, 200));
        stale("enterprise", (PlanChange::Keep, before)).await;
        // What was shown is the price of the rest of another month.
        stale("enterprise", (PlanChange::Upgrade, before)).await;
        assert_eq!(chooser.stands().await, ("pro".into(), None, 200));

        // A form that comes again after it was done is told so, and does nothing more.
        let (id, shown) = (chooser.new_id(), (PlanChange::Upgrade, clock.now()));
        assert_eq!(chooser.choose_as(id, "enterprise", shown).await.unwrap(), Next::Done);
        assert_eq!(chooser.choose_as(id, "enterprise", shown).await.unwrap(), Next::Done);
        assert!(matches!(chooser.choose_as(chooser.new_id(), "enterprise", shown).await, Err(PlanError::Same)));
        assert_eq!(chooser.stands().await, ("enterprise".into(), None, 2_000));
    });
}

#[test]
fn the_months_are_those_that_are_paid() {
    with_chooser(async |chooser| {
        let Chooser { office, org, .. } = chooser;
        // The organization is as old as its server: its own months begin on the tenth.
        office.go_to("2026-03-20T15:30:00Z");
        chooser.subscribe("pro").await;
        office.server.submit(*org, spend("ping")).await.unwrap();
        let spent = chooser.stands().await.2;
        assert!(spent < 200, "{spent}");
        for (now, settled) in
            [("2026-04-10T09:00:00Z", spent), ("2026-04-20T15:29:59Z", spent), ("2026-04-20T15:30:00Z", 200)]
        {
            office.go_to(now);
            office.server.sweeper.sweep().await.unwrap();
            assert_eq!(chooser.stands().await.2, settled, "{now}");
        }
        assert_eq!(office.server.account(*org).await.terms.anchor.0, at("2026-03-20T15:30:00Z"));
    });
}

#[test]
fn what_the_card_does_not_pay_changes_nothing() {
    with_chooser(async |chooser| {
        chooser.subscribe("pro").await;
        chooser.office.go_to("2026-03-20T09:00:00Z");
        chooser.office.sandbox.set_card(&chooser.customer(), false).unwrap();
        let declined = chooser.choose(chooser.new_id(), "enterprise").await;
        assert!(matches!(declined, Err(PlanError::Gateway(GatewayError::Declined))), "{declined:?}");
        chooser.office.tell().await;
        assert_eq!(chooser.stands().await, ("pro".into(), None, 200));
        // The renewal fails, too; while that is unpaid there is no larger plan, and the page for cards is there.
        chooser.office.go_to("2026-04-10T09:00:00Z");
        chooser.office.tell().await;
        assert!(matches!(chooser.choose(chooser.new_id(), "enterprise").await, Err(PlanError::Unpaid)));
        let portal = chooser.office.inbox.plans.portal(chooser.org).await.unwrap();
        assert!(portal.contains("/portal/"), "{portal}");
        chooser.office.sandbox.set_card(&chooser.customer(), true).unwrap();
        let unpaid = chooser.office.sandbox.unpaid_invoices(&chooser.customer()).remove(0);
        chooser.office.sandbox.pay_invoice(&unpaid).unwrap();
        chooser.office.tell().await;
        chooser.change("enterprise").await;
        assert_eq!(chooser.stands().await, ("enterprise".into(), None, 2_000));
    });
}

#[test]
fn that_two_subscriptions_are_paid_for_is_left_to_a_person() {
    with_chooser(async |chooser| {
        chooser.subscribe("pro").await;
        let (office, customer) = (chooser.office, chooser.customer());
        let Inbox { purchases, plans } = &office.inbox;
        // Somebody makes a second one by hand.
        let now = office.server.clock.now();
        let by_hand = PlanOrder {
            org: chooser.org,
            id: chooser.new_id(),
            plan: plans.catalog.plan(&"pro".parse().unwrap()).unwrap(),
            customer: &customer,
            trial_days: 0,
            until: now + TimeDelta::hours(1),
            site: &plans.site,
        };
        let page = plans.gateway.as_ref().unwrap().open_subscription(&by_hand).await.unwrap();
        office.sandbox.pay(&page.session).unwrap();
        office.tell().await;
        assert_eq!(chooser.stands().await, ("pro".into(), None, 200));
        let report = reconcile::run(purchases, plans, &office.server.pools.writer, now, true).await.unwrap();
        let found: Vec<_> = report.findings.iter().map(|found| (found.kind, found.mended)).collect();
        assert_eq!(found, [(Difference::PlanPaidTwice, false)]);
    });
}
