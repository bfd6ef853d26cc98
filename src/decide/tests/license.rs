//! The license comes first: AI steps down while an invoice is unpaid, and a closed account does nothing new.

use super::world::{ALICE, FIRST_RESET, SERVICE, START, World, ai, at, quests, tokens, uses};
use crate::{
    access::refusal::{Action, Refusal},
    billing::{
        invoices::{Invoice, Invoices},
        license::{License, LicenseStep, Restriction},
    },
    command::Command,
    ledger::grant::Source,
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
    check(|since| License::Stopped { since }, 0, ("license_suspended", "license_suspended"));
    check(|since| License::Canceled { since }, 0, ("license_suspended", "license_suspended"));
}

#[test]
fn payment_restores_everything_at_once() {
    let mut world = check(grace, 14 * DAY, ("license_suspended", "license_suspended"));
    world.bill("in_1", None);
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
    assert_eq!(refusal, Refusal::LicenseSuspended { off: Restriction::Premium, since: Some(at(START)) });
    assert_eq!(refusal.action(), Action::PayInvoice);
    world.wait(11 * DAY);
    let refusal = world.try_spend(SERVICE, 5).unwrap_err();
    let since = Some(at(START) + chrono::TimeDelta::days(14));
    assert_eq!(refusal, Refusal::LicenseSuspended { off: Restriction::Ai, since });
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

/// The steps of the license that the last command made: when, state and what is off.
fn steps(world: &mut World, command: &Command) -> Vec<(String, &'static str, Restriction)> {
    let decision = world.decide(command).unwrap();
    let facts = |step: &LicenseStep| (step.at.format("%m-%d %H:%M:%S").to_string(), step.license.state(), step.off);
    decision.changes.steps.iter().map(facts).collect()
}

fn invoice(id: &str, failed_at: Option<crate::time::Instant>) -> Command {
    Command::RecordInvoices {
        facts: Invoices(
            [(id.into(), Invoice { failed_at, settled: failed_at.is_none(), ..Invoice::default() })].into(),
        ),
    }
}

fn step(at: &str, state: &'static str, off: Restriction) -> (String, &'static str, Restriction) {
    (at.into(), state, off)
}

#[test]
fn grace_begins_with_the_first_failure_and_retries_do_not_move_it() {
    let mut world = World::on("pro");
    world.wait(60);
    let failed = invoice("in_1", Some(at(START)));
    assert_eq!(steps(&mut world, &failed), [step("01-15 12:01:00", "grace", Restriction::None)]);
    assert_eq!(world.account.terms.license, License::Grace { since: at(START) });
    world.wait(2 * DAY);
    let retried = invoice("in_1", Some(world.now));
    assert_eq!(steps(&mut world, &retried), []);
    assert_eq!(world.account.terms.license, License::Grace { since: at(START) });
    assert_eq!(steps(&mut world, &invoice("in_1", None)), [step("01-17 12:01:00", "active", Restriction::None)]);
    assert_eq!(steps(&mut world, &retried), []);
}

#[test]
fn every_rung_is_booked_once_as_of_its_instant_whenever_somebody_looks() {
    let rungs = [
        step("01-18 12:00:00", "grace", Restriction::Premium),
        step("01-22 12:00:00", "grace", Restriction::Allowance),
        step("01-29 12:00:00", "suspended", Restriction::Ai),
    ];
    let failed = invoice("in_1", Some(at(START)));
    let mut world = World::on("pro");
    steps(&mut world, &failed);
    let mut late = world.clone();
    for (n, instant) in ["2026-01-18T12:00:00Z", "2026-01-22T12:00:00Z", "2026-01-29T12:00:00Z"].into_iter().enumerate()
    {
        assert_eq!(world.account.due_at(&world.catalog.ladder), Some(at(instant)));
        world.now = at(instant) - chrono::TimeDelta::microseconds(1);
        assert_eq!(steps(&mut world, &Command::Advance), []);
        world.go_to(instant);
        assert_eq!(steps(&mut world, &Command::Advance), rungs[n..=n]);
        assert_eq!(steps(&mut world, &Command::Advance), []);
    }
    late.go_to("2026-02-03T00:00:00Z");
    assert_eq!(steps(&mut late, &Command::Advance), rungs);
    assert_eq!(late.account.terms, world.account.terms);
    let back = [step("02-03 00:00:00", "active", Restriction::None)];
    assert_eq!(steps(&mut late, &invoice("in_1", None)), back);
}

#[test]
fn a_failure_that_is_heard_of_late_counts_from_when_it_was() {
    let mut world = World::on("pro");
    world.wait(8 * DAY);
    let failed = invoice("in_1", Some(at(START)));
    let expected = [
        step("01-23 12:00:00", "grace", Restriction::None),
        step("01-18 12:00:00", "grace", Restriction::Premium),
        step("01-22 12:00:00", "grace", Restriction::Allowance),
    ];
    assert_eq!(steps(&mut world, &failed), expected);
}

#[test]
fn as_long_as_another_invoice_is_unpaid_paying_one_is_not_enough() {
    let mut world = World::on("pro");
    world.bill("in_1", Some(at(START)));
    world.wait(20 * DAY);
    world.bill("in_2", Some(world.now));
    assert_eq!(world.account.terms.license.state(), "suspended");
    world.bill("in_2", None);
    assert_eq!(world.account.terms.license.state(), "suspended");
    world.bill("in_1", None);
    assert_eq!(world.account.terms.license, License::Active);
}

#[test]
fn where_the_license_stands_does_not_depend_on_the_order_in_which_it_was_told() {
    let later = at(START) + chrono::TimeDelta::days(10);
    let facts = [invoice("in_1", Some(at(START))), invoice("in_2", Some(later)), invoice("in_1", None)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut world = World::on("pro");
        world.wait(20 * DAY);
        for n in order {
            world.run(facts[n].clone()).unwrap();
        }
        let terms = &world.account.terms;
        assert_eq!(
            (terms.license, terms.announced),
            (License::Grace { since: later }, Restriction::Allowance),
            "{order:?}"
        );
    }
}

#[test]
fn paying_the_older_of_two_invoices_brings_back_what_the_newer_leaves_on() {
    let mut world = World::on("pro");
    world.bill("in_1", Some(at(START)));
    world.wait(8 * DAY);
    world.bill("in_2", Some(world.now));
    world.wait(DAY);
    assert_eq!(steps(&mut world, &invoice("in_1", None)), [step("01-24 12:00:00", "grace", Restriction::None)]);
    world.wait(2 * DAY);
    assert_eq!(steps(&mut world, &Command::Advance), [step("01-26 12:00:00", "grace", Restriction::Premium)]);
}
