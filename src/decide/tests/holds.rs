//! Holds: a job is charged only if it succeeds, and its hold ends once.

use super::world::{FIRST_RESET, START, World, ai, at, open_hold, quests, tokens, uses};
use crate::{
    access::refusal::Refusal,
    ids::HoldId,
    ledger::{account::Account, grant::Source, hold::HoldState, outcome::Effect},
    time::after_seconds,
};

/// Opens a hold of 60 on an allowance of 50 and a pack of 500, runs `when`, and checks the AI grants.
fn check(when: impl FnOnce(&mut World, HoldId), then: &str) {
    let mut world = World::on("pro");
    world.adjust(-150).unwrap();
    world.give(Source::Pack, 500, "");
    let hold = world.hold(60);
    assert_eq!(world.lots(), "plan 50 (50 held), pack 500 (10 held)");
    when(&mut world, hold);
    assert_eq!(world.lots(), then);
}

fn closed(state: &str) -> Refusal {
    Refusal::HoldClosed { state: state.into() }
}

#[test]
fn a_hold_reserves_tokens_without_charging_them() {
    let mut world = World::on("pro");
    let outcome = world.run(open_hold(quests(super::world::ALICE, 60), None)).unwrap();
    assert_eq!(world.balance(), (200, 60, 140));
    let Effect::HoldOpened { hold, amount, expires_at, .. } = outcome.effect else { panic!("{outcome:?}") };
    assert_eq!((hold.0, amount), (outcome.transaction.0, tokens(60)));
    assert_eq!(expires_at, after_seconds(at(START), 900), "15 minutes by default");
    let (entry, _) = world.entries.last().unwrap();
    assert_eq!((entry.amount(), entry.held_amount(), entry.hold), (0, 60, Some(hold)));
}

#[test]
fn a_capture_charges_all_that_is_held() {
    check(|world, hold| drop(world.capture(hold, None).unwrap()), "pack 490");
    check(|world, hold| drop(world.capture(hold, Some(60)).unwrap()), "pack 490");
}

#[test]
fn a_partial_capture_charges_in_burn_down_order_and_returns_the_rest() {
    check(|world, hold| drop(world.capture(hold, Some(20)).unwrap()), "plan 30, pack 500");
    check(|world, hold| drop(world.capture(hold, Some(51)).unwrap()), "pack 499");
    check(
        |world, hold| {
            let Effect::Captured { amount, returned, balance, .. } = world.capture(hold, Some(1)).unwrap() else {
                panic!("not captured")
            };
            assert_eq!((amount, returned), (tokens(1), tokens(59)));
            assert_eq!((balance.settled, balance.held), (tokens(549), tokens(0)));
        },
        "plan 49, pack 500",
    );
}

#[test]
fn a_capture_takes_at_most_what_is_held_and_at_least_one_token() {
    check(
        |world, hold| {
            assert_eq!(world.capture(hold, Some(61)), Err(Refusal::CaptureExceedsHold { held: tokens(60) }));
            assert_eq!(world.capture(hold, Some(0)).unwrap_err().code(), "amount_out_of_range");
        },
        "plan 50 (50 held), pack 500 (10 held)",
    );
}

#[test]
fn a_released_hold_charges_nothing() {
    check(|world, hold| drop(world.release(hold).unwrap()), "plan 50, pack 500");
}

#[test]
fn a_hold_expires_at_its_ttl() {
    check(
        |world, hold| {
            world.wait(899);
            world.advance();
            assert!(world.account.holds[&hold].is_open());
            world.wait(1);
            world.advance();
            assert_eq!(world.account.holds[&hold].state, HoldState::Expired { at: world.now });
        },
        "plan 50, pack 500",
    );
}

#[test]
fn a_hold_ends_once_and_a_second_end_is_refused_with_its_state() {
    type End = (&'static str, fn(&mut World, HoldId) -> Result<Effect, Refusal>);
    let expire: End = ("expired", |world, _| {
        world.wait(900);
        world.advance();
        Ok(Effect::Advanced)
    });
    let ends: [End; 3] = [
        ("captured", |world, hold| world.capture(hold, Some(20))),
        ("released", |world, hold| world.release(hold)),
        expire,
    ];
    for (state, first) in ends {
        for (_, second) in &ends[..2] {
            let mut world = World::on("pro");
            let hold = world.hold(60);
            first(&mut world, hold).unwrap();
            let after_first: Account = world.account.clone();
            assert_eq!(second(&mut world, hold), Err(closed(state)));
            world.wait(100_000);
            assert_eq!(second(&mut world, hold), Err(closed(state)));
            world.advance();
            assert_eq!(world.account, after_first, "it does not expire afterwards");
        }
    }
}

#[test]
fn a_hold_past_its_ttl_cannot_be_captured_even_before_its_expiry_is_booked() {
    check(
        |world, hold| {
            world.wait(900);
            assert_eq!(world.capture(hold, None), Err(closed("expired")));
            assert_eq!(world.release(hold), Err(closed("expired")));
            world.advance();
        },
        "plan 50, pack 500",
    );
    check(
        |world, hold| {
            world.wait(899);
            world.capture(hold, None).unwrap();
        },
        "pack 490",
    );
}

#[test]
fn an_unknown_hold_is_not_found() {
    let mut world = World::on("pro");
    let unknown = HoldId(uuid::Uuid::from_u128(77));
    assert_eq!(world.capture(unknown, None), Err(Refusal::HoldNotFound));
    assert_eq!(world.release(unknown), Err(Refusal::HoldNotFound));
}

#[test]
fn the_ttl_of_a_hold_is_one_second_to_one_day() {
    for (ttl, fits) in [(0, false), (1, true), (86_400, true), (86_401, false)] {
        let mut world = World::on("pro");
        let answer = world.run(open_hold(quests(super::world::SERVICE, 5), Some(ttl)));
        match answer {
            Ok(outcome) => {
                assert!(fits, "{ttl}");
                let Effect::HoldOpened { expires_at, .. } = outcome.effect else { panic!("{outcome:?}") };
                assert_eq!(expires_at, after_seconds(at(START), ttl));
            }
            Err(refusal) => {
                assert!(!fits, "{ttl}");
                assert_eq!(refusal, Refusal::TtlOutOfRange { max_seconds: 86_400 });
            }
        }
    }
}

/// Holds 30 of 50 tokens a minute before they expire, runs `when` after their expiry, and checks the AI grants.
fn check_expired(when: impl FnOnce(&mut World, HoldId), then: &str) -> World {
    let mut world = World::without_tokens("pro");
    world.give(Source::Promo, 50, "2026-02-01T00:00:00Z");
    world.set_time("2026-01-31T23:59:00Z");
    let hold = world.hold(30);
    world.set_time("2026-02-01T00:00:00Z");
    world.advance();
    assert_eq!(world.lots(), "promo 30 (30 held)", "free tokens expire, held tokens wait for the job");
    when(&mut world, hold);
    assert_eq!(world.lots(), then);
    world
}

#[test]
fn tokens_whose_grant_expired_during_a_failed_job_return_until_the_end_of_the_period() {
    let world = check_expired(|world, hold| drop(world.release(hold).unwrap()), "refund 30");
    let replacement = world.account.grants.values().find(|grant| grant.source == Source::Refund).unwrap();
    assert_eq!(replacement.expires_at, Some(at(FIRST_RESET)));
    assert_eq!(world.balance(), (30, 0, 30));
    assert!(world.entries_since(0).ends_with("held +0, expired -20, released +0, expired -30, granted +30"));
    check_expired(
        |world, _| {
            world.wait(900);
            world.advance();
        },
        "refund 30",
    );
}

#[test]
fn a_capture_after_the_grant_expired_charges_the_held_tokens() {
    check_expired(|world, hold| drop(world.capture(hold, None).unwrap()), "");
    check_expired(|world, hold| drop(world.capture(hold, Some(10)).unwrap()), "refund 20");
}

#[test]
fn a_hold_that_expires_together_with_its_grant_loses_nothing() {
    let mut world = World::without_tokens("pro");
    world.give(Source::Promo, 50, "2026-02-01T00:00:00Z");
    world.set_time("2026-01-31T23:45:00Z");
    world.hold(30);
    let seq = world.account.head.seq;
    world.set_time("2026-02-01T00:00:00Z");
    world.advance();
    assert_eq!(world.lots(), "refund 30");
    assert_eq!(world.entries_since(seq), "hold_expired +0, expired -30, granted +30, expired -20", "the hold first");
}

/// Opens a hold at `opened` on a grant that expires on 1 February, and checks the grants left on 20 February, with and
/// without advancing the account in between.
fn check_booked_late(opened: &str, then: &str) {
    for advanced_at in [&[][..], &["2026-01-31T23:50:00Z", "2026-02-01T00:00:00Z", "2026-02-01T06:00:00Z"]] {
        let mut world = World::without_tokens("pro");
        world.give(Source::Promo, 50, "2026-02-01T00:00:00Z");
        world.set_time(opened);
        world.hold(30);
        for instant in advanced_at {
            world.set_time(instant);
            world.advance();
        }
        world.set_time("2026-02-20T00:00:00Z");
        world.advance();
        assert_eq!(world.lots(), then, "advanced at {advanced_at:?}");
    }
}

#[test]
fn an_expired_hold_takes_effect_at_its_ttl_however_late_it_is_booked() {
    // The tokens return to their grant, which expires after the hold.
    check_booked_late("2026-01-31T23:30:00Z", "plan 200");
    // The tokens get a replacement grant, which expires with the period.
    check_booked_late("2026-01-31T23:49:00Z", "plan 200");
}

#[test]
fn a_hold_leaves_other_token_types_unchanged() {
    let mut world = World::on("pro");
    world.run(open_hold(uses(super::world::SERVICE, "strategy_analysis", 3), None)).unwrap();
    assert_eq!(world.balance(), (200, 0, 200));
    assert_eq!(world.account.balance(&super::world::deep()).held, tokens(6));
    assert_eq!(world.account.balance(&ai()).held, tokens(0));
}
