//! Plan changes: upgrades immediately, less what was used; downgrades at the next reset.

use super::world::{FIRST_RESET, World, at, deep, tokens};
use crate::{
    access::refusal::Refusal,
    ledger::{grant::Source, outcome::Effect},
};

/// Starts on `plan`, spends 60 unless on Starter, runs `when`, and checks the AI grants.
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
fn an_upgrade_grants_the_larger_allowance_less_what_was_used() {
    let world = check("pro", |world| drop(world.change_plan("enterprise").unwrap()), "plan 1,940");
    assert_eq!(world.account.balance(&deep()).settled, tokens(200));
    assert!(world.entries.last().unwrap().0.note.is_none());
    check("starter", |world| drop(world.change_plan("pro").unwrap()), "plan 200");
}

#[test]
fn an_upgrade_takes_effect_immediately_and_its_allowance_expires_with_the_period() {
    check(
        "starter",
        |world| {
            world.set_time("2026-02-01T00:00:00Z");
            changed(world, "pro", "2026-02-01T00:00:00Z");
            world.spend(20);
            world.set_time(FIRST_RESET);
            world.advance();
        },
        "plan 200",
    );
}

#[test]
fn an_upgrade_after_the_whole_allowance_was_used_grants_the_difference() {
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
fn an_upgrade_keeps_holds_and_leaves_packs_unchanged() {
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
fn a_downgrade_takes_effect_at_the_next_reset() {
    let world = check(
        "enterprise",
        |world| {
            world.give(Source::Pack, 500, "");
            changed(world, "pro", FIRST_RESET);
            assert_eq!(world.lots(), "plan 1,940, pack 500");
            assert_eq!(world.account.terms.plan.as_str(), "enterprise");
            world.set_time(FIRST_RESET);
            world.advance();
        },
        "plan 200, pack 500",
    );
    assert_eq!((world.account.terms.plan.as_str(), &world.account.terms.next_plan), ("pro", &None));
    assert_eq!(world.account.balance(&deep()).settled, tokens(20));
}

#[test]
fn switching_back_and_forth_gains_nothing() {
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
fn choosing_the_current_plan_cancels_a_planned_downgrade() {
    check(
        "enterprise",
        |world| {
            changed(world, "starter", FIRST_RESET);
            changed(world, "enterprise", super::world::START);
            world.set_time(FIRST_RESET);
            world.advance();
            assert_eq!(world.account.terms.plan.as_str(), "enterprise");
        },
        "plan 2,000",
    );
}

#[test]
fn a_later_downgrade_replaces_an_earlier_one() {
    check(
        "enterprise",
        |world| {
            changed(world, "starter", FIRST_RESET);
            changed(world, "pro", FIRST_RESET);
            world.set_time(FIRST_RESET);
            world.advance();
        },
        "plan 200",
    );
}

#[test]
fn an_upgrade_cancels_a_planned_downgrade() {
    check(
        "pro",
        |world| {
            world.change_plan("starter").unwrap();
            world.change_plan("enterprise").unwrap();
            world.set_time(FIRST_RESET);
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
            world.set_time(FIRST_RESET);
            let refusal = world.try_spend(super::world::SERVICE, 5).unwrap_err();
            assert_eq!(refusal.code(), "feature_not_in_plan");
            world.advance();
        },
        "pack 500",
    );
}

#[test]
fn choosing_the_current_plan_without_a_planned_change_is_refused() {
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
