//! The license comes first: AI steps down while an invoice is unpaid, and a closed account does nothing new.

use super::world::{ALICE, FIRST_RESET, SERVICE, START, World, ai, at, quests, tokens, uses};
use crate::{
    command::Command,
    grant::Source,
    license::{License, Off},
    refusal::{Action, Refusal},
};

/// Given a pack and an invoice that failed at the start, so many seconds later quests and strategy analyses are answered.
fn check(license: fn(crate::time::Instant) -> License, seconds: i64, then: (&str, &str)) -> World {
    let mut world = World::on("pro");
    world.give(Source::Pack, 500, "");
    world.account.terms.license = license(at(START));
    world.wait(seconds);
    let mut code = |feature| {
        let answer = world.run(Command::Spend(uses(SERVICE, feature, 1)));
        answer.map_or_else(|refusal| refusal.code(), |_| "ok")
    };
    assert_eq!((code("quest_generation"), code("strategy_analysis")), then, "after {seconds} s");
    world
}

const DAY: i64 = 86_400;

fn grace(since: crate::time::Instant) -> License {
    License::Grace { since }
}

#[test]
fn from_day_zero_only_a_notice_is_shown() {
    for seconds in [0, 3 * DAY - 1] {
        let world = check(grace, seconds, ("ok", "ok"));
        assert_eq!(world.lots(), "plan 195, pack 500");
    }
}

#[test]
fn from_day_three_premium_features_are_off() {
    for seconds in [3 * DAY, 7 * DAY - 1] {
        let world = check(grace, seconds, ("ok", "license_suspended"));
        assert_eq!(world.lots(), "plan 195, pack 500");
    }
}

#[test]
fn from_day_seven_the_allowance_is_off_and_packs_still_spend() {
    for seconds in [7 * DAY, 14 * DAY - 1] {
        let world = check(grace, seconds, ("ok", "license_suspended"));
        assert_eq!(world.lots(), "plan 200, pack 495");
    }
}

#[test]
fn from_day_fourteen_all_ai_is_off() {
    for seconds in [14 * DAY, 20 * DAY] {
        let world = check(grace, seconds, ("license_suspended", "license_suspended"));
        assert_eq!(world.lots(), "plan 200, pack 500", "and nothing is lost");
    }
}

#[test]
fn a_suspended_or_canceled_license_switches_all_ai_off() {
    check(|since| License::Suspended { since }, 0, ("license_suspended", "license_suspended"));
    check(|since| License::Canceled { since }, 0, ("license_suspended", "license_suspended"));
}

#[test]
fn payment_restores_everything_at_once() {
    let mut world = check(grace, 14 * DAY, ("license_suspended", "license_suspended"));
    world.account.terms.license = License::Active;
    world.spend(5);
    world.run(Command::Spend(uses(SERVICE, "strategy_analysis", 1))).unwrap();
    assert_eq!(world.lots(), "plan 195, pack 500");
}

#[test]
fn a_refusal_says_what_is_off_since_when_and_what_to_do() {
    let mut world = World::on("pro");
    world.account.terms.license = grace(at(START));
    world.wait(3 * DAY);
    let refusal = world.run(Command::Spend(uses(SERVICE, "strategy_analysis", 1))).unwrap_err();
    assert_eq!(refusal, Refusal::LicenseSuspended { off: Off::Premium, since: Some(at(START)) });
    assert_eq!(refusal.action(), Action::PayInvoice);
    world.wait(11 * DAY);
    let refusal = world.try_spend(SERVICE, 5).unwrap_err();
    assert_eq!(refusal, Refusal::LicenseSuspended { off: Off::Ai, since: Some(at(START)) });
}

#[test]
fn too_few_tokens_beside_an_allowance_that_is_off_say_how_many_are_withheld() {
    let mut world = World::on("pro");
    world.give(Source::Pack, 5, "");
    world.hold(10);
    world.account.terms.license = grace(at(START));
    world.wait(7 * DAY);
    let refusal = world.try_spend(SERVICE, 10).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::InsufficientTokens {
            token_type: ai(),
            needed: tokens(10),
            available: tokens(5),
            withheld: tokens(200),
            resets_at: Some(at(FIRST_RESET)),
        }
    );
    assert_eq!(refusal.action(), Action::PayInvoice);
}

#[test]
fn a_job_that_was_held_before_the_license_stepped_down_is_still_charged_or_released() {
    let mut world = World::on("pro");
    let (first, second) = (world.hold(50), world.hold(50));
    world.account.terms.license = License::Suspended { since: world.now };
    world.capture(first, None).unwrap();
    world.release(second).unwrap();
    assert_eq!(world.balance(), (150, 0, 150));
}

#[test]
fn the_allowance_resets_while_the_license_is_down() {
    let mut world = World::on("pro");
    world.spend(60);
    world.account.terms.license = License::Suspended { since: world.now };
    world.go_to(FIRST_RESET);
    world.advance();
    assert_eq!(world.lots(), "plan 200");
}

#[test]
fn a_closed_account_makes_nothing_new() {
    let mut world = World::on("pro");
    world.give(Source::Pack, 500, "");
    let since = world.now;
    world.account.terms.closed_at = Some(since);
    world.wait(60);
    let closed = Refusal::AccountClosed { since };
    assert_eq!(world.try_spend(ALICE, 5), Err(closed.clone()));
    assert_eq!(world.run(super::world::open_hold(quests(ALICE, 5), None)), Err(closed.clone()));
    assert_eq!(world.grant(Source::Pack, 5, None), Err(closed.clone()));
    assert_eq!(world.adjust(5), Err(closed.clone()));
    assert_eq!(world.adjust(-5), Err(closed.clone()));
    assert_eq!(world.change_plan("enterprise"), Err(closed));
    world.go_to("2026-02-20T00:00:00Z");
    world.advance();
    assert_eq!(world.lots(), "pack 500", "the allowance lapses, no new one comes, the pack stays");
}

#[test]
fn a_job_of_a_closed_account_still_ends() {
    let mut world = World::on("pro");
    let (first, second, third) = (world.hold(10), world.hold(20), world.hold(30));
    world.account.terms.closed_at = Some(world.now);
    world.capture(first, None).unwrap();
    world.release(second).unwrap();
    world.wait(900);
    world.advance();
    assert!(!world.account.holds[&third].is_open());
    assert_eq!(world.balance(), (190, 0, 190));
}
