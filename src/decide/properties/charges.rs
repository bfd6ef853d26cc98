//! Charges: a failed job costs nothing, and switching plans gains nothing.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::history::{self, History, check, events};
use crate::{
    access::refusal::Refusal,
    billing::license::License,
    command::Command,
    decide::tests::world,
    ids::HoldId,
    ledger::{account::Account, grant::Source, tokens::Tokens},
};

/// The world after any history, with an active license, the Enterprise plan and 100 tokens that never expire.
fn ready(events: &[(i64, history::Event)]) -> world::World {
    let mut world = History::play(events).world;
    world.account.terms.closed_at = None;
    (world.account.terms.license, world.account.terms.overdue_from) = (License::Active, None);
    world.advance();
    let needed = Command::ChangePlan { caller: world::STAFF, plan: "enterprise".parse().unwrap() };
    // Refused if it is already on that plan, which is fine.
    drop(world.run(needed));
    world.give(Source::Admin, 100, "");
    world
}

fn available(account: &Account) -> Tokens {
    account.balance(&world::ai()).available()
}

/// Clones a world, uses tokens in the clone, reverses that after some pauses, and checks that the clone has no fewer
/// tokens.
fn check_free_of_charge(begin: impl Fn(&mut world::World, u32) -> Command) {
    check((events(), 1_u32..20, prop::collection::vec(1_i64..3_000_000, 1..5)), |(events, quests, pauses)| {
        let mut without = ready(&events);
        let mut with = without.clone();
        let end = begin(&mut with, quests * 5);
        for seconds in pauses {
            for world in [&mut with, &mut without] {
                world.now += TimeDelta::seconds(seconds);
                world.advance();
            }
        }
        if let Err(refusal) = with.run(end) {
            assert_eq!(refusal, Refusal::HoldClosed { state: "expired".into() });
        }
        let (actual, expected) = (available(&with.account), available(&without.account));
        assert!(actual >= expected, "{actual} available, expected at least {expected}");
    });
}

#[test]
fn a_failed_job_is_never_charged() {
    check_free_of_charge(|world, amount| {
        let outcome = world.run(world::open_hold(world::quests(world::STAFF, amount), Some(86_400))).unwrap();
        Command::Release { hold: HoldId(outcome.transaction.0), reason: "it failed".into() }
    });
}

#[test]
fn a_refunded_spend_costs_nothing() {
    check_free_of_charge(|world, amount| {
        let transaction = world.try_spend(world::STAFF, amount).unwrap().transaction;
        Command::Refund { caller: world::STAFF, transaction, reason: "it failed".into() }
    });
}

#[test]
fn cycling_through_plans_gains_nothing() {
    check((events(), prop::collection::vec(0_usize..3, 1..12)), |(events, cycle)| {
        let mut once = ready(&events);
        let mut cycled = once.clone();
        for plan in cycle {
            drop(cycled.change_plan(["starter", "pro", "enterprise"][plan]));
        }
        for world in [&mut once, &mut cycled] {
            drop(world.change_plan("enterprise"));
        }
        assert_eq!(cycled.account.balances, once.account.balances);
        assert_eq!(cycled.account.terms, once.account.terms);
    });
}
