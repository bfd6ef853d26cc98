//! The rate limit and the interval of one caller.

use super::world::{ALICE, BOB, SERVICE, SERVICE_FOR_ALICE, STAFF, World, open_hold, quests};
use crate::{
    DEFAULT_CATALOG,
    billing::license::{License, SuspensionCause},
    catalog::Catalog,
    command::{Caller, Command},
    ids::ApiKeyId,
    ledger::grant::Source,
};

/// Waits `seconds`, spends `amount` as `caller`, and checks the answer: a refusal's code or `ok`.
fn check(world: &mut World, seconds: i64, caller: Caller, amount: u32, then: &str) {
    world.wait(seconds);
    let answer = world.try_spend(caller, amount);
    assert_eq!(answer.as_ref().map_or_else(|refusal| refusal.code(), |_| "ok"), then, "{caller:?} at {}", world.now);
}

fn world_with_key_limits(limits: &str) -> World {
    let text = DEFAULT_CATALOG.replacen("[limits.key]", &format!("[limits.key]\n{limits}"), 1);
    World::with("enterprise", Catalog::parse(&text).unwrap())
}

#[test]
fn a_member_waits_three_seconds_between_two_requests() {
    let mut world = World::on("pro");
    check(&mut world, 0, ALICE, 5, "ok");
    check(&mut world, 0, ALICE, 5, "too_frequent");
    check(&mut world, 2, ALICE, 5, "too_frequent");
    check(&mut world, 1, ALICE, 5, "ok");
    check(&mut world, 3, ALICE, 5, "ok");
}

#[test]
fn a_hold_counts_like_a_spend() {
    let mut world = World::on("pro");
    world.run(open_hold(quests(ALICE, 5), None)).unwrap();
    check(&mut world, 1, ALICE, 5, "too_frequent");
    assert_eq!(world.run(open_hold(quests(ALICE, 5), None)).unwrap_err().code(), "too_frequent");
}

#[test]
fn a_member_has_thirty_requests_in_any_minute() {
    let mut world = World::on("pro");
    let start = world.now;
    for second in 0..30 {
        let then = if second % 3 == 0 { "ok" } else { "too_frequent" };
        check(&mut world, i64::from(second != 0), ALICE, 5, then);
    }
    for _ in 0..3 {
        check(&mut world, 1, ALICE, 5, "rate_limited");
    }
    let until = start + chrono::TimeDelta::seconds(60);
    assert_eq!(world.check(&quests(ALICE, 5)).unwrap_err().resets_at(), Some(until));
    world.now = until - chrono::TimeDelta::microseconds(1);
    check(&mut world, 0, ALICE, 5, "rate_limited");
    world.now = until;
    check(&mut world, 0, ALICE, 5, "ok");
    check(&mut world, 0, ALICE, 5, "rate_limited");
    check(&mut world, 1, ALICE, 5, "too_frequent");
}

#[test]
fn members_do_not_wait_for_each_other() {
    let mut world = World::on("pro");
    check(&mut world, 0, ALICE, 5, "ok");
    check(&mut world, 0, BOB, 5, "ok");
    check(&mut world, 1, BOB, 5, "too_frequent");
}

#[test]
fn an_api_key_that_acts_for_a_member_shares_the_members_guard() {
    let mut world = World::on("pro");
    check(&mut world, 0, SERVICE_FOR_ALICE, 5, "ok");
    check(&mut world, 1, ALICE, 5, "too_frequent");
    check(&mut world, 2, ALICE, 5, "ok");
    check(&mut world, 1, SERVICE_FOR_ALICE, 5, "too_frequent");
    check(&mut world, 0, SERVICE, 5, "ok");
}

#[test]
fn api_keys_without_a_member_and_staff_have_no_member_limits() {
    let mut world = World::on("enterprise");
    for _ in 0..40 {
        check(&mut world, 0, SERVICE, 5, "ok");
        check(&mut world, 0, STAFF, 5, "ok");
    }
    assert_eq!(world.account.guards.len(), 0, "a guard without limits is not stored");
}

#[test]
fn each_api_key_without_a_member_has_the_catalogs_key_limits() {
    let mut world = world_with_key_limits("requests = 2\nwindow_seconds = 10\ninterval_seconds = 1");
    let other = Caller::ApiKey { api_key: ApiKeyId(uuid::Uuid::from_u128(0xcc)), member: None };
    check(&mut world, 0, SERVICE, 5, "ok");
    check(&mut world, 0, SERVICE, 5, "too_frequent");
    check(&mut world, 1, SERVICE, 5, "rate_limited");
    check(&mut world, 0, other, 5, "ok");
    check(&mut world, 0, SERVICE_FOR_ALICE, 5, "ok");
    check(&mut world, 9, SERVICE, 5, "ok");
}

#[test]
fn a_check_respects_the_limits_and_counts_towards_none() {
    let mut world = World::on("pro");
    check(&mut world, 0, ALICE, 5, "ok");
    world.wait(1);
    let before = world.account.clone();
    for _ in 0..50 {
        assert_eq!(world.check(&quests(ALICE, 5)).unwrap_err().code(), "too_frequent");
    }
    assert_eq!(world.account, before);
    check(&mut world, 2, ALICE, 5, "ok");
}

#[test]
fn ending_a_hold_counts_towards_no_limit() {
    let mut world = World::on("pro");
    let open =
        |world: &mut World| crate::ids::HoldId(world.run(open_hold(quests(ALICE, 10), None)).unwrap().transaction.0);
    let first = open(&mut world);
    world.wait(3);
    let second = open(&mut world);
    let guards = world.account.guards.clone();
    world.wait(1);
    world.capture(first, None).unwrap();
    world.release(second).unwrap();
    world.run(Command::Advance).unwrap();
    assert_eq!(world.account.guards, guards);
}

#[test]
fn insufficient_tokens_count_towards_the_rate_but_not_the_interval() {
    let mut world = World::on("pro");
    for _ in 0..30 {
        check(&mut world, 0, ALICE, 500, "insufficient_tokens");
    }
    check(&mut world, 0, ALICE, 500, "rate_limited");
    let mut world = World::on("pro");
    check(&mut world, 0, ALICE, 500, "insufficient_tokens");
    check(&mut world, 0, ALICE, 5, "ok");
}

#[test]
fn a_request_refused_before_the_rate_check_does_not_count_towards_the_rate() {
    let refuse_often = |world: &mut World, code| {
        for _ in 0..40 {
            check(world, 0, ALICE, 5, code);
        }
        assert_eq!(world.account.guards.len(), 0);
    };
    let mut world = World::on("starter");
    world.give(Source::Pack, 500, "");
    refuse_often(&mut world, "feature_not_in_plan");
    world.change_plan("pro").unwrap();
    world.account.terms.license = License::Suspended { since: world.now, cause: SuspensionCause::NonPayment };
    refuse_often(&mut world, "license_suspended");
    world.account.terms.license = License::Active;
    check(&mut world, 0, ALICE, 5, "ok");
}

#[test]
fn a_clock_that_jumped_far_back_does_not_lock_a_member_out() {
    let mut world = World::on("pro");
    check(&mut world, 3_600, ALICE, 5, "ok");
    check(&mut world, -3_600, ALICE, 5, "ok");
    check(&mut world, 1, ALICE, 5, "too_frequent");
    check(&mut world, 2, ALICE, 5, "ok");
}
