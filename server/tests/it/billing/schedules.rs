//! Subscription schedules at Stripe: the change shows before it takes effect, and a choice in our pages replaces it.

use brightmeter::billing::license::License;
use serde_json::{Value, json};
use server::service::plans::{Next, PlanError};

use super::{
    stand_in::{StandIn, error, with_stand_in},
    stripe_states::{MONTH, T0, item, price, prices, pro, subscribed, subscription, with},
};

const SCHEDULE: &str = "GET /v1/subscription_schedules/sub_sched_1";
const RELEASE: &str = "POST /v1/subscription_schedules/sub_sched_1/release";
const UPDATE: &str = "POST /v1/subscriptions/sub_1";

fn scheduled(of: &Value) -> Value {
    with(of, json!({ "schedule": "sub_sched_1" }))
}

/// A schedule of these plans, each for a month.
fn schedule(plans: &[&str]) -> Value {
    let phase = |(n, plan): (usize, &&str)| {
        let start = T0 + MONTH * i64::try_from(n).unwrap();
        json!({ "start_date": start, "end_date": start + MONTH, "items": [{ "price": price(plan), "quantity": 1 }],
            "metadata": {} })
    };
    json!({ "id": "sub_sched_1", "object": "subscription_schedule", "customer": "cus_1", "status": "active",
        "end_behavior": "release", "subscription": { "id": "sub_1", "metadata": {} },
        "phases": plans.iter().enumerate().map(phase).collect::<Vec<_>>() })
}

async fn next_plan(stripe: &StandIn<'_>) -> Option<(String, i64)> {
    let next = stripe.server.account(stripe.org).await.terms.next_plan?;
    Some((next.plan.to_string(), next.from.timestamp()))
}

#[test]
fn a_schedule_says_what_comes_next_and_its_own_events_update_it() {
    with_stand_in(async |stripe| {
        subscribed(stripe).await;
        stripe.answer(SCHEDULE, 200, schedule(&["pro", "enterprise"]));
        stripe.update("evt_1", &[scheduled(&pro())]).await;
        assert_eq!(next_plan(stripe).await, Some(("enterprise".into(), T0 + MONTH)));
        let (_, params) = stripe.calls(SCHEDULE).remove(0);
        assert!(params.values().any(|name| name == "phases.items.price"), "{params:?}");
        let changed = with(&schedule(&["pro"]), json!({ "end_behavior": "cancel" }));
        stripe.answer(SCHEDULE, 200, changed.clone());
        stripe.deliver("evt_2", "subscription_schedule.updated", &changed).await;
        assert_eq!(next_plan(stripe).await, Some(("starter".into(), T0 + MONTH)));
        // Released in the moment between the two requests.
        stripe.answer(SCHEDULE, 404, error("resource_missing", Some("schedule"), "No such subscription_schedule"));
        stripe.deliver("evt_3", "subscription_schedule.updated", &changed).await;
        assert_eq!(next_plan(stripe).await, None);
        assert_eq!(stripe.state().await, ("pro".into(), 200, License::Active));
    });
}

#[test]
fn a_schedule_that_cannot_be_read_makes_the_event_wait() {
    with_stand_in(async |stripe| {
        subscribed(stripe).await;
        stripe.answer(SCHEDULE, 200, with(&schedule(&["pro", "enterprise"]), json!({ "status": "frozen" })));
        stripe.update("evt_1", &[scheduled(&pro())]).await;
        assert_eq!(stripe.outcome("evt_1").await, "waits: Stripe's response could not be read");
        // The schedule of a subscription that has ended is not asked for.
        let ended = json!({ "id": "sub_0", "status": "canceled", "ended_at": T0, "schedule": "sub_sched_0" });
        stripe.update("evt_2", &[pro(), with(&pro(), ended)]).await;
        assert!(stripe.outcome("evt_2").await.starts_with("processed"), "{}", stripe.outcome("evt_2").await);
    });
}

#[test]
fn an_upgrade_waits_for_a_scheduled_change_which_staying_releases() {
    with_stand_in(async |stripe| {
        let enterprise = subscription(&[item("si_1", price("enterprise"))]);
        stripe.answer(SCHEDULE, 200, schedule(&["pro", "starter"]));
        stripe.update("evt_1", &[scheduled(&pro())]).await;
        prices(stripe);
        let refused = stripe.choose("enterprise").await;
        assert!(matches!(refused, Err(PlanError::ChangePending)), "{refused:?}");
        stripe.answer(RELEASE, 200, json!({}));
        stripe.answer(UPDATE, 200, pro());
        assert_eq!(stripe.choose("pro").await.unwrap(), Next::Done);
        assert_eq!((stripe.calls(RELEASE).len(), stripe.calls(UPDATE).len()), (1, 1));
        stripe.update("evt_2", &[pro()]).await;
        assert_eq!(next_plan(stripe).await, None);
        stripe.answer(UPDATE, 200, enterprise);
        assert_eq!(stripe.choose("enterprise").await.unwrap(), Next::Done);
        assert_eq!(stripe.calls(RELEASE).len(), 1);
    });
}

#[test]
fn a_change_under_a_schedule_without_another_plan_releases_it_first() {
    with_stand_in(async |stripe| {
        stripe.answer(SCHEDULE, 200, schedule(&["pro", "pro"]));
        stripe.update("evt_1", &[scheduled(&pro())]).await;
        prices(stripe);
        stripe.answer(UPDATE, 200, pro());
        // While the release fails, nothing is changed.
        stripe.answer(RELEASE, 500, error("", None, "down"));
        assert!(matches!(stripe.choose("starter").await, Err(PlanError::Unconfirmed(_))));
        assert_eq!(stripe.calls(UPDATE), []);
        stripe.answer(RELEASE, 200, json!({}));
        for plan in ["starter", "enterprise"] {
            assert_eq!(stripe.choose(plan).await.unwrap(), Next::Done);
        }
        assert_eq!((stripe.calls(RELEASE).len(), stripe.calls(UPDATE).len()), (5, 2));
    });
}
