//! Subscription sync: the plan, the billing period and the allowance follow the newest snapshot.

use super::world::{FIRST_RESET, START, World, at, canceled, plan_line, subscribed, sync, tokens};
use crate::{
    billing::{
        invoices::{Invoice, Invoices},
        license::License,
        subscription::{Status, Subscription},
    },
    command::Command,
    ledger::grant::Source,
};

fn pro() -> Subscription {
    subscribed("sub_1", "pro", at(START))
}

fn on(plan: &str) -> Subscription {
    subscribed("sub_1", plan, at(START))
}

/// Syncs subscriptions, in a snapshot that is newer than all before it.
fn read(world: &mut World, subscriptions: &[Subscription]) {
    let number = world.account.subscriptions.number + 1;
    world.run(sync(number, world.now, subscriptions.to_vec())).unwrap();
}

/// Checks the plan, the next plan and the AI grants.
#[track_caller]
fn check(world: &World, plan: &str, next: Option<&str>, lots: &str) {
    let terms = &world.account.terms;
    let found = (terms.plan.as_str(), terms.next_plan.as_ref().map(|next| next.plan.as_str()), world.lots());
    assert_eq!(found, (plan, next, lots.to_owned()));
}

#[test]
fn the_first_subscription_starts_its_period_with_the_full_allowance() {
    let mut world = World::on("starter");
    world.set_time("2026-01-20T08:30:00Z");
    read(&mut world, &[subscribed("sub_1", "pro", at("2026-01-20T08:29:50Z"))]);
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
fn an_upgrade_applies_immediately_and_a_downgrade_at_the_reset() {
    let mut world = World::on("starter");
    read(&mut world, &[pro()]);
    world.spend(60);
    world.give(Source::Pack, 500, "");
    read(&mut world, &[on("enterprise")]);
    check(&world, "enterprise", None, "plan 1,940, pack 500");
    read(&mut world, &[pro()]);
    check(&world, "enterprise", Some("pro"), "plan 1,940, pack 500");
    read(&mut world, &[on("enterprise")]);
    check(&world, "enterprise", None, "plan 1,940, pack 500");
    let ends = Subscription { cancel_at: Some(at(FIRST_RESET)), ..on("enterprise") };
    read(&mut world, std::slice::from_ref(&ends));
    check(&world, "enterprise", Some("starter"), "plan 1,940, pack 500");
    world.set_time(FIRST_RESET);
    read(&mut world, &[canceled(&ends, at(FIRST_RESET))]);
    check(&world, "starter", None, "pack 500");
    assert_eq!(world.account.terms.license, License::Canceled { since: at(FIRST_RESET) });
    assert_eq!(world.try_spend(super::world::SERVICE, 5).unwrap_err().code(), "feature_not_in_plan");
}

#[test]
fn a_subscription_set_to_end_grants_no_further_allowance() {
    let mut world = World::on("starter");
    read(&mut world, &[pro()]);
    let ends = Subscription { cancel_at: Some(at(FIRST_RESET)), ..pro() };
    read(&mut world, std::slice::from_ref(&ends));
    check(&world, "pro", Some("starter"), "plan 200");
    world.set_time(FIRST_RESET);
    world.advance();
    check(&world, "starter", None, "");
    // Stripe has not ended it yet.
    read(&mut world, std::slice::from_ref(&ends));
    check(&world, "starter", None, "");
    // The customer resumed it, so the period is paid.
    let renewed = Subscription { lines: vec![plan_line("pro", at(FIRST_RESET))], ..pro() };
    read(&mut world, &[renewed]);
    check(&world, "pro", None, "plan 200");
}

#[test]
fn a_stale_snapshot_changes_nothing() {
    let mut world = World::on("starter");
    world.run(sync(7, at(START), vec![on("enterprise")])).unwrap();
    let before = (world.account.terms.clone(), world.lots());
    world.run(sync(6, at(START), vec![canceled(&pro(), at(START))])).unwrap();
    let ends = Subscription { cancel_at: Some(at(FIRST_RESET)), status: Status::PastDue, ..pro() };
    world.run(sync(7, at(START), vec![ends])).unwrap();
    assert_eq!((world.account.terms.clone(), world.lots()), before);
}

#[test]
fn a_plan_that_was_not_sold_through_stripe_is_not_ended_by_it() {
    let mut world = World::on("pro");
    read(&mut world, &[]);
    check(&world, "pro", None, "plan 200");
    assert_eq!(world.account.terms.license, License::Active);
}

#[test]
fn switching_between_subscriptions_gains_nothing_that_was_not_paid() {
    let mut world = World::on("starter");
    read(&mut world, &[pro()]);
    world.spend(150);
    world.set_time("2026-01-16T12:00:00Z");
    let second = subscribed("sub_2", "pro", world.now);
    let (first_ended, second_ended) = (canceled(&pro(), world.now), canceled(&second, world.now));
    // The first one is replaced by a second one, with its own period: the rest of the first period ends.
    read(&mut world, &[first_ended.clone(), second.clone()]);
    check(&world, "pro", None, "plan 200");
    world.spend(150);
    read(&mut world, &[pro(), second_ended]);
    check(&world, "pro", None, "plan 50");
    read(&mut world, &[first_ended, second]);
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
    read(&mut world, &[subscribed("sub_1", "pro", at("2026-01-15T12:01:00Z"))]);
    assert_eq!(world.balance(), (240, 40, 200));
    world.release(hold).unwrap();
    check(&world, "pro", None, "plan 200, refund 40");
    assert_eq!(world.account.balance(&super::world::deep()).settled, tokens(20));
}

#[test]
fn a_new_subscription_restores_ai_and_ignores_unpaid_invoices_of_the_old_one() {
    let mut world = World::on("starter");
    read(&mut world, &[pro()]);
    let of = |subscription: &str, failed_at| {
        let invoice = Invoice { failed_at, subscription: Some(subscription.into()), ..Invoice::default() };
        Command::RecordInvoices { facts: Invoices([(format!("in_of_{subscription}"), invoice)].into()) }
    };
    world.run(of("sub_1", Some(at(START)))).unwrap();
    assert_eq!(world.account.terms.license, License::Grace { since: at(START) });
    world.wait(60);
    let ended = canceled(&pro(), at(START));
    read(&mut world, std::slice::from_ref(&ended));
    assert_eq!(world.account.terms.license, License::Canceled { since: at(START) });
    // A late invoice event does not restore it.
    world.run(of("sub_1", Some(at(START)))).unwrap();
    assert_eq!(world.account.terms.license, License::Canceled { since: at(START) });
    let second = subscribed("sub_2", "pro", at("2026-01-15T12:01:00Z"));
    read(&mut world, &[ended, second]);
    assert_eq!(world.account.terms.license, License::Active);
    check(&world, "pro", None, "plan 200");
    world.run(of("sub_2", Some(world.now))).unwrap();
    assert_eq!(world.account.terms.license, License::Grace { since: world.now });
}
