//! The order of refusal: the caller gets the first refusal that applies.

use super::world::{ALICE, SERVICE, World, open_hold, quests, uses};
use crate::{
    access::refusal::{LimitSource, Refusal},
    billing::license::{License, SuspensionCause},
    command::{Command, Usage},
    time::after_seconds,
};

type Obstacle = (&'static str, LimitSource, fn(&mut World));

/// Each blocks Alice in one way, in the order of refusal. Quotas do not exist yet, so interval is followed by balance.
const OBSTACLES: [Obstacle; 7] = [
    ("account_closed", LimitSource::Account, |world| world.account.terms.closed_at = Some(world.now)),
    ("blocked", LimitSource::Guard, |world| {
        let until = after_seconds(world.now, 900);
        world.guard_mut(ALICE).blocked_until = Some(until);
    }),
    ("feature_not_in_plan", LimitSource::Plan, |world| world.account.terms.plan = "starter".parse().unwrap()),
    ("license_suspended", LimitSource::License, |world| {
        world.account.terms.license = License::Suspended { since: world.now, cause: SuspensionCause::NonPayment };
    }),
    ("rate_limited", LimitSource::Rate, |world| {
        let now = world.now;
        world.guard_mut(ALICE).requests = vec![now; 30];
    }),
    ("too_frequent", LimitSource::Interval, |world| {
        let now = world.now;
        world.guard_mut(ALICE).last_admitted_at = Some(now);
    }),
    ("insufficient_tokens", LimitSource::Balance, |world| drop(world.adjust(-200).unwrap())),
];

/// Sets up the obstacles, and checks that a check, a spend and a hold get the same refusal.
fn check(given: &[Obstacle], then: &str, source: LimitSource) {
    let mut world = World::on("pro");
    // In reverse order, because a closed account cannot be adjusted.
    for (_, _, put) in given.iter().rev() {
        put(&mut world);
    }
    let usage = quests(ALICE, 5);
    let checked = world.check(&usage).unwrap_err();
    assert_eq!((checked.code(), checked.limit_source()), (then, source));
    let before = world.account.clone();
    for command in [Command::Spend(usage.clone()), open_hold(usage, None)] {
        assert_eq!(world.run(command).unwrap_err(), checked);
        world.account = before.clone();
    }
}

#[test]
fn each_obstacle_alone_is_refused() {
    for obstacle in OBSTACLES {
        check(&[obstacle], obstacle.0, obstacle.1);
    }
}

#[test]
fn of_two_consecutive_obstacles_the_first_is_reported() {
    for pair in OBSTACLES.windows(2) {
        check(pair, pair[0].0, pair[0].1);
    }
}

#[test]
fn of_several_obstacles_the_first_is_reported() {
    for from in 0..OBSTACLES.len() {
        check(&OBSTACLES[from..], OBSTACLES[from].0, OBSTACLES[from].1);
    }
}

#[test]
fn without_obstacles_a_use_is_admitted() {
    let mut world = World::on("pro");
    assert!(world.check(&quests(ALICE, 5)).is_ok());
    assert!(world.try_spend(ALICE, 5).is_ok());
}

#[test]
fn a_block_ends_exactly_at_its_instant() {
    let mut world = World::on("pro");
    let until = after_seconds(world.now, 900);
    world.guard_mut(ALICE).blocked_until = Some(until);
    world.wait(899);
    assert_eq!(world.try_spend(ALICE, 5), Err(Refusal::Blocked { until }));
    world.wait(1);
    assert!(world.try_spend(ALICE, 5).is_ok());
}

#[test]
fn an_unknown_name_is_refused_and_reported() {
    let mut world = World::on("pro");
    let feature: crate::names::FeatureName = "mind_reading".parse().unwrap();
    let usage = Usage { feature: feature.clone(), ..quests(SERVICE, 5) };
    assert_eq!(world.run(Command::Spend(usage)), Err(Refusal::UnknownFeature { feature }));
    let plan: crate::names::PlanName = "platinum".parse().unwrap();
    assert_eq!(world.change_plan("platinum"), Err(Refusal::UnknownPlan { plan }));
}

#[test]
fn a_refusal_has_what_remains_and_when_it_ends() {
    let mut world = World::on("pro");
    world.try_spend(ALICE, 5).unwrap();
    let until = after_seconds(world.now, 3);
    world.wait(1);
    let refusal = world.try_spend(ALICE, 5).unwrap_err();
    assert_eq!(refusal, Refusal::TooFrequent { interval_seconds: 3, until });
    assert_eq!((refusal.resets_at(), refusal.remaining().map(|left| left.get())), (Some(until), Some(0)));
    let refusal = world.run(Command::Spend(uses(SERVICE, "lead_generation", 100))).unwrap_err();
    assert_eq!(refusal.remaining().map(|left| left.get()), Some(195));
    assert_eq!(refusal.resets_at(), Some(super::world::at(super::world::FIRST_RESET)));
}
