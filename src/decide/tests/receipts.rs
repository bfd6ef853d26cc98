//! Receipts: what is paid for packs and plans is numbered in one row, 1, 2, 3, …, each payment once.

use super::world::{START, World, at, paid, paid_for_plan};
use crate::{
    billing::invoices::{Invoice, Invoices},
    command::Command,
    ledger::outcome::Effect,
    time::Instant,
};

const PRICE: u64 = 14_900;

/// So many days after the start.
fn day(days: i64) -> Instant {
    at(START) + chrono::TimeDelta::days(days)
}

/// What Stripe tells in this order leaves these receipts for plans: `in_1: 1, in_2: 2`.
#[track_caller]
fn check(facts: &[Invoices], then: &str) -> World {
    let mut world = World::on("pro");
    for facts in facts {
        world.run(Command::RecordInvoices { facts: facts.clone() }).unwrap();
    }
    assert_eq!(receipts(&world), then);
    world
}

fn receipts(world: &World) -> String {
    let numbers = world.account.invoices.receipts().map(|(id, number, _)| format!("{id}: {number}"));
    numbers.collect::<Vec<_>>().join(", ")
}

fn facts(id: &str, failed_at: Option<Instant>) -> Invoices {
    Invoices([(id.into(), Invoice { failed_at, settled: failed_at.is_none(), ..Invoice::default() })].into())
}

#[test]
fn packs_and_plans_are_numbered_in_one_row_without_gaps() {
    let mut world = World::on("pro");
    let buy = |world: &mut World| {
        let purchase = world.order();
        match world.tell(purchase, paid()).unwrap() {
            Effect::PaymentRecorded { number, .. } => number.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let pay = |world: &mut World, id: &str| {
        world.run(Command::RecordInvoices { facts: paid_for_plan(id, day(0), PRICE) }).unwrap();
    };
    pay(&mut world, "in_b");
    assert_eq!(buy(&mut world), 2);
    pay(&mut world, "in_a");
    // What has a number takes no other.
    pay(&mut world, "in_b");
    assert_eq!(buy(&mut world), 4);
    assert_eq!(receipts(&world), "in_a: 3, in_b: 1");
    assert_eq!(world.account.receipt_number, 4);
}

#[test]
fn a_payment_has_one_receipt_however_often_and_in_whatever_order_it_is_told() {
    let facts = [
        paid_for_plan("in_1", day(3), PRICE),
        paid_for_plan("in_1", day(2), PRICE),
        facts("in_1", Some(day(1))),
        facts("in_1", None),
    ];
    for first in 0..facts.len() {
        let mut order = facts.to_vec();
        order.rotate_left(first);
        for order in [order.clone(), order.iter().rev().cloned().collect(), [order.clone(), order].concat()] {
            let world = check(&order, "in_1: 1");
            let (_, _, paid) = world.account.invoices.receipts().next().unwrap();
            assert_eq!((paid.at, paid.cents), (day(2), PRICE));
        }
    }
}

#[test]
fn of_payments_that_are_told_at_once_the_earlier_has_the_smaller_number() {
    let mut both = paid_for_plan("in_1", day(2), PRICE);
    both.join(&paid_for_plan("in_2", day(1), PRICE));
    both.join(&paid_for_plan("in_3", day(2), PRICE));
    check(&[both], "in_1: 2, in_2: 1, in_3: 3");
    // One that is heard of late comes after those that have a number.
    check(&[paid_for_plan("in_1", day(2), PRICE), paid_for_plan("in_2", day(1), PRICE)], "in_1: 1, in_2: 2");
}

#[test]
fn what_was_not_paid_has_no_receipt() {
    let facts = [paid_for_plan("in_1", day(0), 0), facts("in_2", None), facts("in_3", Some(day(0)))];
    let world = check(&facts, "");
    assert_eq!(world.account.receipt_number, 0);
}

#[test]
fn a_closed_account_is_no_reason_to_lose_a_receipt() {
    let mut world = World::on("pro");
    world.account.terms.closed_at = Some(world.now);
    world.run(Command::RecordInvoices { facts: paid_for_plan("in_1", day(0), PRICE) }).unwrap();
    assert_eq!(receipts(&world), "in_1: 1");
}
