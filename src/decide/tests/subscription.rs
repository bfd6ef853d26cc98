//! Subscription sync: the plan, the billing period and the license follow the newest snapshot.

use super::world::{FIRST_RESET, START, World, at, tokens};
use crate::{
    billing::{
        invoices::{Invoice, Invoices},
        license::License,
        period::Anchor,
        subscription::{Subscription, SubscriptionSnapshot},
    },
    command::Command,
    ledger::grant::Source,
};

fn snapshot(number: i64, id: &str, plan: &str, anchor: &str, ends: bool) -> SubscriptionSnapshot {
    let live = Subscription {
        id: id.into(),
        item: "si_1".into(),
        plan: plan.parse().unwrap(),
        anchor: Anchor(at(anchor)),
        ends,
    };
    SubscriptionSnapshot { number, live: Some(live), ended_at: None, additional: 0 }
}

fn ended(number: i64, instant: &str) -> SubscriptionSnapshot {
    SubscriptionSnapshot { number, live: None, ended_at: Some(at(instant)), additional: 0 }
}

fn sync(world: &mut World, snapshot: SubscriptionSnapshot) {
    world.run(Command::SyncSubscription { snapshot }).unwrap();
}

/// Checks the plan, the next plan and the AI grants.
#[track_caller]
fn check(world: &World, plan: &str, next: Option<&str>, lots: &str) {
    let terms = &world.account.terms;
    let found = (terms.plan.as_str(), terms.next_plan.as_ref().map(|plan| plan.as_str()), world.lots());
    assert_eq!(found, (plan, next, lots.to_owned()));
}

#[test]
fn the_first_subscription_starts_its_period_with_the_full_allowance() {
    let mut world = World::on("starter");
    world.set_time("2026-01-20T08:30:00Z");
    sync(&mut world, snapshot(1, "sub_1", "pro", "2026-01-20T08:29:50Z", false));
    check(&world, "pro", None, "plan 200");
    world.spend(60);
    world.set_time(FIRST_RESET);
    world.advance();
    check(&world, "pro", None, "plan 140");
    world.set_time("2026-02-20T08:29:50Z");
    world.advance();
    check(&world, "pro", None, "plan 200");
}

#[test]
fn a_trial_has_a_full_allowance_that_expires_with_the_trial() {
    let mut world = World::on("starter");
    world.set_time("2026-01-20T08:30:00Z");
    sync(&mut world, snapshot(1, "sub_1", "pro", "2026-02-03T08:30:00Z", false));
    check(&world, "pro", None, "plan 200");
    world.spend(200);
    world.set_time("2026-02-03T08:29:59Z");
    world.advance();
    check(&world, "pro", None, "");
    world.set_time("2026-02-03T08:30:00Z");
    world.advance();
    check(&world, "pro", None, "plan 200");
}

#[test]
fn an_upgrade_applies_immediately_and_a_downgrade_at_the_reset() {
    let mut world = World::on("starter");
    sync(&mut world, snapshot(1, "sub_1", "pro", START, false));
    world.spend(60);
    world.give(Source::Pack, 500, "");
    sync(&mut world, snapshot(2, "sub_1", "enterprise", START, false));
    check(&world, "enterprise", None, "plan 1,940, pack 500");
    sync(&mut world, snapshot(3, "sub_1", "pro", START, false));
    check(&world, "enterprise", Some("pro"), "plan 1,940, pack 500");
    sync(&mut world, snapshot(4, "sub_1", "enterprise", START, false));
    check(&world, "enterprise", None, "plan 1,940, pack 500");
    sync(&mut world, snapshot(5, "sub_1", "enterprise", START, true));
    check(&world, "enterprise", Some("starter"), "plan 1,940, pack 500");
    world.set_time(FIRST_RESET);
    sync(&mut world, ended(6, FIRST_RESET));
    check(&world, "starter", None, "pack 500");
    assert_eq!(world.account.terms.license, License::Canceled { since: at(FIRST_RESET) });
    assert_eq!(world.try_spend(super::world::SERVICE, 5).unwrap_err().code(), "feature_not_in_plan");
}

#[test]
fn a_subscription_set_to_end_grants_no_further_allowance() {
    let mut world = World::on("starter");
    sync(&mut world, snapshot(1, "sub_1", "pro", START, false));
    sync(&mut world, snapshot(2, "sub_1", "pro", START, true));
    check(&world, "pro", Some("starter"), "plan 200");
    world.set_time(FIRST_RESET);
    world.advance();
    check(&world, "starter", None, "");
    sync(&mut world, snapshot(3, "sub_1", "pro", START, true));
    check(&world, "starter", None, "");
    // The customer resumed it, so the period is paid.
    sync(&mut world, snapshot(4, "sub_1", "pro", START, false));
    check(&world, "pro", None, "plan 200");
}

#[test]
fn a_stale_snapshot_changes_nothing() {
    let mut world = World::on("starter");
    sync(&mut world, snapshot(7, "sub_1", "enterprise", START, false));
    let before = world.account.clone();
    sync(&mut world, ended(6, START));
    sync(&mut world, snapshot(7, "sub_1", "pro", START, true));
    assert_eq!(world.account, before);
}

#[test]
fn a_plan_that_was_not_sold_through_stripe_is_not_ended_by_it() {
    let mut world = World::on("pro");
    sync(&mut world, SubscriptionSnapshot { number: 1, live: None, ended_at: None, additional: 0 });
    check(&world, "pro", None, "plan 200");
    assert_eq!(world.account.terms.license, License::Active);
}

#[test]
fn switching_between_subscriptions_gains_nothing_that_was_not_paid() {
    let mut world = World::on("starter");
    sync(&mut world, snapshot(1, "sub_1", "pro", START, false));
    world.spend(150);
    world.set_time("2026-01-16T12:00:00Z");
    // A second subscription is paid, with its own period: the rest of the first period ends.
    sync(&mut world, snapshot(2, "sub_2", "pro", "2026-01-16T12:00:00Z", false));
    check(&world, "pro", None, "plan 200");
    world.spend(150);
    // The second one is canceled while the first is still live.
    sync(&mut world, snapshot(3, "sub_1", "pro", START, false));
    check(&world, "pro", None, "plan 50");
    sync(&mut world, snapshot(4, "sub_2", "pro", "2026-01-16T12:00:00Z", false));
    check(&world, "pro", None, "plan 50");
    world.set_time("2026-02-16T12:00:00Z");
    world.advance();
    check(&world, "pro", None, "plan 200");
}

#[test]
fn a_hold_outlives_the_period_that_a_new_subscription_ends() {
    let mut world = World::on("pro");
    let hold = world.hold(40);
    world.wait(60);
    let anchor = "2026-01-15T12:01:00Z";
    sync(&mut world, snapshot(1, "sub_1", "pro", anchor, false));
    assert_eq!(world.balance(), (240, 40, 200));
    world.release(hold).unwrap();
    check(&world, "pro", None, "plan 200, refund 40");
    assert_eq!(world.account.balance(&super::world::deep()).settled, tokens(20));
}

#[test]
fn a_new_subscription_restores_ai_and_ignores_unpaid_invoices_of_the_old_one() {
    let mut world = World::on("starter");
    sync(&mut world, snapshot(1, "sub_1", "pro", START, false));
    let of = |subscription: &str, failed_at| {
        let invoice = Invoice { failed_at, subscription: Some(subscription.into()), ..Invoice::default() };
        Command::RecordInvoices { facts: Invoices([(format!("in_of_{subscription}"), invoice)].into()) }
    };
    world.run(of("sub_1", Some(at(START)))).unwrap();
    assert_eq!(world.account.terms.license, License::Grace { since: at(START) });
    world.wait(60);
    sync(&mut world, ended(2, START));
    assert_eq!(world.account.terms.license, License::Canceled { since: at(START) });
    // A late invoice event does not restore it.
    world.run(of("sub_1", Some(at(START)))).unwrap();
    assert_eq!(world.account.terms.license, License::Canceled { since: at(START) });
    sync(&mut world, snapshot(3, "sub_2", "pro", "2026-01-15T12:01:00Z", false));
    assert_eq!(world.account.terms.license, License::Active);
    check(&world, "pro", None, "plan 200");
    world.run(of("sub_2", Some(world.now))).unwrap();
    assert_eq!(world.account.terms.license, License::Grace { since: world.now });
}
