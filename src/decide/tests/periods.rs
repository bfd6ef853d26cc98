//! Resets: the allowance resets monthly and does not roll over; packs survive.

use super::world::{FIRST_RESET, START, World, ai, at, deep, tokens};
use crate::{
    billing::period::Anchor,
    command::Command,
    decide::{Context, decide, is_due},
    ledger::{account::Account, grant::Source, hold::HoldState, outcome::Effect},
};

/// Starts on Pro with a pack, spends 60, runs `when`, and checks the AI grants.
fn check(when: impl FnOnce(&mut World), then: &str) -> World {
    let mut world = World::on("pro");
    world.give(Source::Pack, 500, "");
    world.spend(60);
    when(&mut world);
    assert_eq!(world.lots(), then);
    world
}

fn advance_at(world: &mut World, instant: &str) {
    world.set_time(instant);
    world.advance();
}

#[test]
fn the_first_command_grants_the_first_allowance() {
    let world = World::on("enterprise");
    assert_eq!(world.balance(), (2_000, 0, 2_000));
    assert_eq!(world.account.balance(&deep()).settled, tokens(200));
    assert_eq!(world.account.terms.period_start, Some(at(START)));
}

#[test]
fn the_allowance_does_not_roll_over_and_the_pack_survives() {
    let mut seq = 0;
    let world = check(
        |world| {
            seq = world.account.head.seq;
            advance_at(world, FIRST_RESET);
        },
        "plan 200, pack 500",
    );
    assert_eq!(world.entries_since(seq), "expired -140, granted +200");
}

#[test]
fn nothing_resets_a_microsecond_early() {
    check(|world| advance_at(world, "2026-02-15T11:59:59.999999Z"), "plan 140, pack 500");
}

#[test]
fn a_period_grants_one_allowance_however_often_it_is_advanced() {
    check(
        |world| {
            for second in 0..3 {
                world.set_time(FIRST_RESET);
                world.wait(second);
                world.advance();
            }
            assert!(!is_due(&world.account, &world.cx()));
        },
        "plan 200, pack 500",
    );
}

#[test]
fn a_reset_happens_on_any_command() {
    let world = check(
        |world| {
            world.set_time(FIRST_RESET);
            assert!(is_due(&world.account, &world.cx()));
            world.spend(5);
        },
        "plan 195, pack 500",
    );
    assert_eq!(world.account.balance(&deep()).settled, tokens(20));
}

#[test]
fn missed_periods_are_skipped_to_the_current_one() {
    let mut seq = 0;
    let world = check(
        |world| {
            seq = world.account.head.seq;
            advance_at(world, "2026-07-01T00:00:00Z");
        },
        "plan 200, pack 500",
    );
    assert_eq!(world.entries_since(seq), "expired -140, granted +200");
    assert_eq!(world.account.terms.period_start, Some(at("2026-06-15T12:00:00Z")));
}

#[test]
fn a_clock_that_jumps_back_grants_nothing_twice() {
    check(
        |world| {
            advance_at(world, FIRST_RESET);
            world.spend(50);
            for instant in [START, "2026-02-15T11:59:59Z", "2025-12-01T00:00:00Z", FIRST_RESET, "2026-03-01T00:00:00Z"]
            {
                advance_at(world, instant);
                assert_eq!(world.lots(), "plan 150, pack 500", "{instant}");
            }
            advance_at(world, "2026-03-15T12:00:00Z");
        },
        "plan 200, pack 500",
    );
}

#[test]
fn an_upgrade_after_the_clock_jumped_back_lasts_until_the_end_of_its_period() {
    let mut world = World::on("starter");
    advance_at(&mut world, FIRST_RESET);
    world.set_time("2026-02-15T11:59:59Z");
    world.change_plan("pro").unwrap();
    advance_at(&mut world, "2026-03-15T11:59:59Z");
    assert_eq!(world.lots(), "plan 200");
    advance_at(&mut world, "2026-03-15T12:00:00Z");
    assert_eq!(world.lots(), "plan 200");
    assert_eq!(world.account.terms.period_start, Some(at("2026-03-15T12:00:00Z")));
}

#[test]
fn held_tokens_of_an_allowance_survive_the_reset_until_the_hold_ends() {
    let hold_over_reset = |world: &mut World| {
        world.set_time("2026-02-15T11:50:00Z");
        let hold = world.hold(150);
        advance_at(world, FIRST_RESET);
        assert_eq!(world.lots(), "plan 140 (140 held), plan 200, pack 500 (10 held)");
        hold
    };
    check(
        |world| {
            let hold = hold_over_reset(world);
            world.capture(hold, Some(100)).unwrap();
        },
        "plan 200, refund 40, pack 500",
    );
    check(
        |world| {
            let hold = hold_over_reset(world);
            world.release(hold).unwrap();
        },
        "plan 200, refund 140, pack 500",
    );
    let world = check(
        |world| {
            let hold = hold_over_reset(world);
            advance_at(world, "2026-02-15T12:05:00Z");
            assert!(matches!(world.account.holds[&hold].state, HoldState::Expired { .. }));
        },
        "plan 200, refund 140, pack 500",
    );
    let replacement = world.account.grants.values().find(|grant| grant.source == Source::Refund).unwrap();
    assert_eq!(replacement.expires_at, Some(at("2026-03-15T12:00:00Z")));
}

#[test]
fn periods_are_counted_from_the_anchor_day() {
    let mut world = World::on("pro");
    let january = Anchor(at("2026-01-31T09:30:00Z"));
    world.account = Account::open(world.account.org, "pro".parse().unwrap(), january);
    let mut starts = Vec::new();
    for day in 0..80 {
        let now = january.0 + chrono::TimeDelta::days(day);
        let cx = Context { now, ..world.cx() };
        let decision = decide(&world.account, &Command::Advance, &cx).unwrap();
        starts.extend(decision.changes.terms.as_ref().and_then(|terms| terms.period_start));
        world.account.apply(&decision.changes);
    }
    assert_eq!(starts, ["2026-01-31T09:30:00Z", "2026-02-28T09:30:00Z", "2026-03-31T09:30:00Z"].map(at));
}

#[test]
fn advancing_without_anything_due_changes_nothing() {
    let mut world = World::on("pro");
    world.wait(60);
    let decision = world.decide(&Command::Advance).unwrap();
    assert!(decision.changes.is_empty() && decision.entries.is_empty());
    assert_eq!(decision.outcome.effect, Effect::Advanced);
    assert_eq!(decision.outcome.seq, world.account.head.seq);
}

#[test]
fn a_plan_that_was_removed_from_the_catalog_starts_its_period_without_an_allowance() {
    let mut world = World::on("pro");
    world.account.terms.plan = "removed".parse().unwrap();
    advance_at(&mut world, FIRST_RESET);
    assert_eq!(world.balance(), (0, 0, 0));
    assert_eq!(world.account.terms.period_start, Some(at(FIRST_RESET)));
    assert_eq!(world.account.balance(&ai()).settled, tokens(0));
}
