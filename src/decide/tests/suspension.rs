//! Suspensions by staff: they override billing until staff lift them.

use chrono::TimeDelta;

use super::world::{
    ALICE, FIRST_RESET, SERVICE, START, World, at, by_staff, canceled, invoice_facts, open_hold, quests, subscribed,
    sync,
};
use crate::{
    access::refusal::{Action, LimitSource, Refusal},
    billing::license::{License, LicenseStep, Restriction, SuspensionCause},
    command::Command,
    ledger::{grant::Source, outcome::Effect},
};

const DAY: i64 = 86_400;

fn suspend(world: &mut World) {
    assert_eq!(world.run(Command::Suspend(by_staff("a chargeback"))).unwrap().effect, Effect::Suspended);
}

fn lift(world: &mut World) {
    assert_eq!(world.run(Command::Lift(by_staff("it was a mistake"))).unwrap().effect, Effect::Lifted);
}

/// The license steps of the command.
fn steps(world: &mut World, command: &Command) -> Vec<LicenseStep> {
    world.decide(command).unwrap().changes.steps
}

/// Records that the invoice failed at the start, or that it was paid.
fn invoice(id: &str, failed: bool) -> Command {
    let failed_at = failed.then(|| at(START));
    Command::RecordInvoices { facts: invoice_facts(id, failed_at) }
}

/// Syncs a subscription to Pro that is live since the start, or that ended a day later.
fn subscription(number: i64, is_live: bool) -> Command {
    let live = subscribed("sub_1", "pro", at(START));
    let ended = canceled(&live, at(START) + TimeDelta::days(1));
    sync(number, at(START), vec![if is_live { live } else { ended }])
}

#[test]
fn a_suspension_stops_all_ai_immediately_and_refers_callers_to_support() {
    let mut world = World::on("pro");
    world.give(Source::Pack, 500, "");
    world.wait(60);
    let since = world.now;
    suspend(&mut world);
    world.wait(60);
    let stopped = Refusal::LicenseSuspendedByStaff { since };
    assert_eq!((stopped.code(), stopped.limit_source()), ("license_suspended", LimitSource::License));
    assert_eq!((stopped.action(), stopped.resets_at()), (Action::AskSupport, None));
    for caller in [ALICE, SERVICE] {
        assert_eq!(world.check(&quests(caller, 5)), Err(stopped.clone()));
        assert_eq!(world.try_spend(caller, 5), Err(stopped.clone()));
        assert_eq!(world.run(open_hold(quests(caller, 5), None)), Err(stopped.clone()));
    }
    assert_eq!(world.lots(), "plan 200, pack 500", "and nothing is lost");
    lift(&mut world);
    world.spend(5);
    assert_eq!(world.lots(), "plan 195, pack 500");
}

#[test]
fn paying_does_not_lift_a_suspension_by_staff() {
    let mut world = World::on("pro");
    world.run(invoice("in_1", true)).unwrap();
    world.wait(DAY);
    let since = world.now;
    suspend(&mut world);
    for facts in [invoice("in_1", false), invoice("in_2", true), subscription(1, true), subscription(2, false)] {
        world.wait(DAY);
        assert_eq!(steps(&mut world, &facts), [], "{facts:?}");
        assert_eq!(world.account.terms.license, License::Suspended { since, cause: SuspensionCause::Staff });
    }
    assert_eq!(world.account.terms.plan.as_str(), "starter", "the plan still follows the subscription");
}

/// Records `facts` during a suspension, lifts it `days` after the start, and checks the license.
#[track_caller]
fn check(facts: &[Command], days: i64, then: (License, Restriction)) {
    let mut world = World::on("pro");
    suspend(&mut world);
    facts.iter().for_each(|facts| drop(world.run(facts.clone()).unwrap()));
    world.wait(days * DAY);
    let (license, off) = then;
    let by = by_staff("it was a mistake");
    let step = LicenseStep { at: world.now, license, off, by: Some(by.clone()) };
    assert_eq!(steps(&mut world, &Command::Lift(by)), [step]);
    assert_eq!((world.account.terms.license, world.account.terms.announced), then);
    assert_eq!(steps(&mut world, &Command::Advance), [], "everything due is booked");
}

#[test]
fn a_lifted_license_is_what_billing_implies_at_that_instant() {
    let since = at(START);
    let grace = License::Grace { since };
    let failed = [invoice("in_1", true)];
    check(&[], 3, (License::Active, Restriction::None));
    check(&failed, 2, (grace, Restriction::None));
    check(&failed, 3, (grace, Restriction::Premium));
    check(&failed, 8, (grace, Restriction::Allowance));
    check(
        &failed,
        20,
        (
            License::Suspended { since: since + TimeDelta::days(14), cause: SuspensionCause::NonPayment },
            Restriction::Ai,
        ),
    );
    check(&[invoice("in_1", true), invoice("in_1", false)], 20, (License::Active, Restriction::None));
    check(&[invoice("in_1", true), invoice("in_2", false)], 3, (grace, Restriction::Premium));
    check(&[subscription(1, true)], 3, (License::Active, Restriction::None));
    let ended = License::Canceled { since: since + TimeDelta::days(1) };
    check(&[subscription(1, true), subscription(2, false)], 3, (ended, Restriction::Ai));
}

#[test]
fn an_invoice_that_failed_before_the_suspension_is_still_unpaid_after_it() {
    let mut world = World::on("pro");
    world.run(invoice("in_1", true)).unwrap();
    world.wait(4 * DAY);
    suspend(&mut world);
    world.wait(DAY);
    lift(&mut world);
    assert_eq!(world.account.terms.license, License::Grace { since: at(START) });
    world.run(invoice("in_1", false)).unwrap();
    assert_eq!(world.account.terms.license, License::Active);
}

#[test]
fn a_suspension_is_recorded_with_its_staff_action_after_the_rungs_reached_before() {
    let mut world = World::on("pro");
    world.run(invoice("in_1", true)).unwrap();
    world.wait(4 * DAY);
    let by = by_staff("a chargeback");
    let (since, now) = (at(START), world.now);
    let rung = LicenseStep {
        at: since + TimeDelta::days(3),
        license: License::Grace { since },
        off: Restriction::Premium,
        by: None,
    };
    let stop = LicenseStep {
        at: now,
        license: License::Suspended { since: now, cause: SuspensionCause::Staff },
        off: Restriction::Ai,
        by: Some(by.clone()),
    };
    assert_eq!(steps(&mut world, &Command::Suspend(by)), [rung, stop]);
}

#[test]
fn a_suspended_license_takes_no_steps_and_the_allowance_still_resets() {
    let mut world = World::on("pro");
    world.spend(60);
    suspend(&mut world);
    assert_eq!(world.account.due_at(&world.catalog.ladder), Some(at(FIRST_RESET)));
    world.set_time(FIRST_RESET);
    assert_eq!(steps(&mut world, &Command::Advance), []);
    assert_eq!(world.lots(), "plan 200");
}

#[test]
fn a_hold_opened_before_the_suspension_can_still_be_captured_or_released() {
    let mut world = World::on("pro");
    let (first, second) = (world.hold(50), world.hold(50));
    suspend(&mut world);
    world.capture(first, None).unwrap();
    world.release(second).unwrap();
    assert_eq!(world.balance(), (150, 0, 150));
}

#[test]
fn suspending_twice_or_lifting_twice_is_refused() {
    let mut world = World::on("pro");
    let (stop, go) = (Command::Suspend(by_staff("a chargeback")), Command::Lift(by_staff("it was a mistake")));
    assert_eq!(world.run(go.clone()), Err(Refusal::NotSuspended));
    world.run(stop.clone()).unwrap();
    let before = world.account.clone();
    world.wait(60);
    assert_eq!(world.run(stop), Err(Refusal::AlreadySuspended));
    assert_eq!(world.account, before);
    world.run(go.clone()).unwrap();
    assert_eq!(world.run(go), Err(Refusal::NotSuspended));
}

#[test]
fn staff_cannot_lift_a_suspension_for_non_payment() {
    let mut world = World::on("pro");
    world.run(invoice("in_1", true)).unwrap();
    world.wait(14 * DAY);
    assert_eq!(world.run(Command::Lift(by_staff("they asked"))), Err(Refusal::NotSuspended));
    // Both suspensions apply: lifting one leaves the other.
    suspend(&mut world);
    lift(&mut world);
    assert_eq!(world.try_spend(SERVICE, 5).unwrap_err().action(), Action::PayInvoice);
}

#[test]
fn a_closed_account_can_be_neither_suspended_nor_lifted() {
    let mut world = World::on("pro");
    let since = world.now;
    world.account.terms.closed_at = Some(since);
    for command in [Command::Suspend(by_staff("a chargeback")), Command::Lift(by_staff("it was a mistake"))] {
        assert_eq!(world.run(command), Err(Refusal::AccountClosed { since }));
    }
}
