//! Plan changes: up at once less what was used, down at the next reset.

use super::world::{FIRST_RESET, World, at, deep, tokens};
use crate::{
    access::refusal::Refusal,
    ledger::{grant::Source, outcome::Effect},
};

/// An organization on `plan` that has spent 60 if it could, then this happens, has these AI grants.
fn check(plan: &str, when: impl FnOnce(&mut World), then: &str) -> World {
    let mut world = World::on(plan);
    if plan != "starter" {
        world.spend(60);
    }
    when(&mut world);
    assert_eq!(world.lots(), then);
    world
}

fn changed(world: &mut World, plan: &str, from: &str) {
    let effect = world.change_plan(plan).unwrap();
    assert_eq!(effect, Effect::PlanChanged { plan: plan.parse().unwrap(), from: at(from) });
}

#[test]
fn an_upgrade_brings_the_larger_allowance_less_what_was_used() {
    let world = check("pro", |world| drop(world.change_plan("enterprise").unwrap()), "plan 1,940");
    assert_eq!(world.account.balance(&deep()).settled, tokens(200));
    assert!(world.entries.last().unwrap().0.note.is_none());
    check("starter", |world| drop(world.change_plan("pro").unwrap()), "plan 200");
}

#[test]
fn an_upgrade_counts_from_now_and_its_allowance_ends_with_the_period() {
    check(
        "starter",
        |world| {
            world.go_to("2026-02-01T00:00:00Z");
            changed(world, "pro", "2026-02-01T00:00:00Z");
            world.spend(20);
            world.go_to(FIRST_RESET);
            world.advance();
        },
        "plan 200",
    );
}

#[test]
fn an_upgrade_after_the_whole_allowance_was_used_brings_the_difference() {
    check(
        "pro",
        |world| {
            world.spend(140);
            assert_eq!(world.lots(), "");
            world.change_plan("enterprise").unwrap();
        },
        "plan 1,800",
    );
}

#[test]
fn an_upgrade_keeps_what_is_held_and_leaves_packs_alone() {
    check(
        "pro",
        |world| {
            world.give(Source::Pack, 500, "");
            let hold = world.hold(40);
            world.change_plan("enterprise").unwrap();
            assert_eq!(world.lots(), "plan 1,940 (40 held), pack 500");
            world.capture(hold, None).unwrap();
        },
        "plan 1,900, pack 500",
    );
}

#[test]
fn a_downgrade_comes_with_the_next_reset() {
    let world = check(
        "enterprise",
        |world| {
            world.give(Source::Pack, 500, "");
            changed(world, "pro", FIRST_RESET);
            assert_eq!(world.lots(), "plan 1,940, pack 500");
            assert_eq!(world.account.terms.plan.as_str(), "enterprise");
            world.go_to(FIRST_RESET);
            world.advance();
        },
        "plan 200, pack 500",
    );
    assert_eq!((world.account.terms.plan.as_str(), &world.account.terms.next_plan), ("pro", &None));
    assert_eq!(world.account.balance(&deep()).settled, tokens(20));
}

#[test]
fn going_to_and_fro_gains_nothing() {
    check(
        "pro",
        |world| {
            for _ in 0..5 {
                world.change_plan("enterprise").unwrap();
                world.change_plan("pro").unwrap();
                world.change_plan("enterprise").unwrap();
                world.change_plan("starter").unwrap();
                world.wait(3_600);
            }
        },
        "plan 1,940",
    );
    check(
        "starter",
        |world| {
            world.change_plan("pro").unwrap();
            world.spend(200);
            world.change_plan("starter").unwrap();
            world.change_plan("pro").unwrap();
            world.change_plan("enterprise").unwrap();
        },
        "plan 1,800",
    );
}

#[test]
fn going_back_to_the_plan_one_is_on_cancels_the_downgrade() {
    check(
        "enterprise",
        |world| {
            changed(world, "starter", FIRST_RESET);
            changed(world, "enterprise", super::world::START);
            world.go_to(FIRST_RESET);
            world.advance();
            assert_eq!(world.account.terms.plan.as_str(), "enterprise");
        },
        "plan 2,000",
    );
}

#[test]
fn a_later_downgrade_replaces_the_one_before() {
    check(
        "enterprise",
        |world| {
            changed(world, "starter", FIRST_RESET);
            changed(world, "pro", FIRST_RESET);
            world.go_to(FIRST_RESET);
            world.advance();
        },
        "plan 200",
    );
}

#[test]
fn an_upgrade_cancels_the_downgrade_before_it() {
    check(
        "pro",
        |world| {
            world.change_plan("starter").unwrap();
            world.change_plan("enterprise").unwrap();
            world.go_to(FIRST_RESET);
            world.advance();
        },
        "plan 2,000",
    );
}

#[test]
fn a_downgrade_to_starter_keeps_the_pack_for_later() {
    check(
        "pro",
        |world| {
            world.give(Source::Pack, 500, "");
            world.change_plan("starter").unwrap();
            world.spend(5);
            world.go_to(FIRST_RESET);
            let refusal = world.try_spend(super::world::SERVICE, 5).unwrap_err();
            assert_eq!(refusal.code(), "feature_not_in_plan");
            world.advance();
        },
        "pack 500",
    );
}

#[test]
fn the_plan_one_is_on_is_no_change() {
    let plan: crate::names::PlanName = "pro".parse().unwrap();
    check("pro", |world| assert_eq!(world.change_plan("pro"), Err(Refusal::PlanUnchanged { plan })), "plan 140");
}

#[test]
fn a_refund_after_an_upgrade_returns_to_the_raised_allowance() {
    let mut world = World::on("pro");
    let spend = world.spend(60);
    world.change_plan("enterprise").unwrap();
    world.refund(spend).unwrap();
    assert_eq!(world.lots(), "plan 2,000");
}
