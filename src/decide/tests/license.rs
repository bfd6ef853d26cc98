//! The license: AI steps down while an invoice is unpaid, and a closed account starts nothing new.

use super::world::{ALICE, FIRST_RESET, SERVICE, START, World, ai, at, invoice_facts, quests, tokens, uses};
use crate::{
    access::refusal::{Action, Refusal},
    billing::license::{License, LicenseStep, Restriction, SuspensionCause},
    command::Command,
    ledger::grant::Source,
};

/// Sets the license at the start of an account with a pack, and checks the answers to a quest and to a strategy
/// analysis `seconds` later.
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
    check(
        |since| License::Suspended { since, cause: SuspensionCause::NonPayment },
        0,
        ("license_suspended", "license_suspended"),
    );
    check(
        |since| License::Suspended { since, cause: SuspensionCause::Staff },
        0,
        ("license_suspended", "license_suspended"),
    );
    check(|since| License::Canceled { since }, 0, ("license_suspended", "license_suspended"));
}

#[test]
fn payment_restores_everything_immediately() {
    let mut world = check(grace, 14 * DAY, ("license_suspended", "license_suspended"));
    world.record_invoice("in_1", None);
    world.spend(5);
    world.run(Command::Spend(uses(SERVICE, "strategy_analysis", 1))).unwrap();
    assert_eq!(world.lots(), "plan 195, pack 500");
}

#[test]
fn a_refusal_has_the_restriction_its_start_and_the_action() {
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
fn insufficient_tokens_report_the_withheld_allowance() {
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
fn a_hold_opened_before_the_license_stepped_down_can_still_be_captured_or_released() {
    let mut world = World::on("pro");
    let (first, second) = (world.hold(50), world.hold(50));
    world.account.terms.license = License::Suspended { since: world.now, cause: SuspensionCause::NonPayment };
    world.capture(first, None).unwrap();
    world.release(second).unwrap();
    assert_eq!(world.balance(), (150, 0, 150));
}

#[test]
fn the_allowance_resets_while_the_license_is_suspended() {
    let mut world = World::on("pro");
    world.spend(60);
    world.account.terms.license = License::Suspended { since: world.now, cause: SuspensionCause::NonPayment };
    world.set_time(FIRST_RESET);
    world.advance();
    assert_eq!(world.lots(), "plan 200");
}

#[test]
fn a_closed_account_starts_nothing_new() {
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
    world.set_time("2026-02-20T00:00:00Z");
    world.advance();
    assert_eq!(world.lots(), "pack 500", "the allowance expires without a new one, the pack stays");
}

#[test]
fn holds_of_a_closed_account_still_end() {
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

/// Decides on `command` and returns its license steps: instant, state and restriction.
fn steps(world: &mut World, command: &Command) -> Vec<(String, &'static str, Restriction)> {
    let decision = world.decide(command).unwrap();
    let facts = |step: &LicenseStep| (step.at.format("%m-%d %H:%M:%S").to_string(), step.license.state(), step.off);
    decision.changes.steps.iter().map(facts).collect()
}

fn invoice(id: &str, failed_at: Option<crate::time::Instant>) -> Command {
    Command::RecordInvoices { facts: invoice_facts(id, failed_at) }
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
fn every_rung_is_booked_once_at_its_own_instant_even_if_late() {
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
        world.set_time(instant);
        assert_eq!(steps(&mut world, &Command::Advance), rungs[n..=n]);
        assert_eq!(steps(&mut world, &Command::Advance), []);
    }
    late.set_time("2026-02-03T00:00:00Z");
    assert_eq!(steps(&mut late, &Command::Advance), rungs);
    assert_eq!(late.account.terms, world.account.terms);
    let back = [step("02-03 00:00:00", "active", Restriction::None)];
    assert_eq!(steps(&mut late, &invoice("in_1", None)), back);
}

#[test]
fn a_failure_that_is_reported_late_counts_from_when_it_happened() {
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
fn paying_one_invoice_is_not_enough_while_another_is_unpaid() {
    let mut world = World::on("pro");
    world.record_invoice("in_1", Some(at(START)));
    world.wait(20 * DAY);
    world.record_invoice("in_2", Some(world.now));
    assert_eq!(world.account.terms.license.state(), "suspended");
    world.record_invoice("in_2", None);
    assert_eq!(world.account.terms.license.state(), "suspended");
    world.record_invoice("in_1", None);
    assert_eq!(world.account.terms.license, License::Active);
}

#[test]
fn the_license_does_not_depend_on_the_order_of_the_facts() {
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
fn paying_the_older_of_two_invoices_restores_what_the_newer_one_allows() {
    let mut world = World::on("pro");
    world.record_invoice("in_1", Some(at(START)));
    world.wait(8 * DAY);
    world.record_invoice("in_2", Some(world.now));
    world.wait(DAY);
    assert_eq!(steps(&mut world, &invoice("in_1", None)), [step("01-24 12:00:00", "grace", Restriction::None)]);
    world.wait(2 * DAY);
    assert_eq!(steps(&mut world, &Command::Advance), [step("01-26 12:00:00", "grace", Restriction::Premium)]);
}
