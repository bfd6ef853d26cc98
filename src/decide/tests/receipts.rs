//! Receipts: payments for packs and plans share one numbering, 1, 2, 3, …, one number per payment.

use super::world::{START, World, at, invoice_facts, paid, paid_for_plan};
use crate::{
    billing::{
        invoices::Invoices,
        money::{Currency, Money},
    },
    command::Command,
    ledger::outcome::Effect,
    time::Instant,
};

const PRICE: u64 = 14_900;

/// The instant `days` after the start.
fn day(days: i64) -> Instant {
    at(START) + chrono::TimeDelta::days(days)
}

/// Records the facts in this order, and checks the receipts of plans: `in_1: 1, in_2: 2`.
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
    let numbers = world.account.invoices.receipts().map(|it| format!("{}: {}", it.invoice, it.number));
    numbers.collect::<Vec<_>>().join(", ")
}

fn facts(id: &str, failed_at: Option<Instant>) -> Invoices {
    invoice_facts(id, failed_at)
}

#[test]
fn packs_and_plans_share_one_numbering_without_gaps() {
    let mut world = World::on("pro");
    let buy = |world: &mut World| {
        let purchase = world.order();
        match world.record_payment(purchase, paid()).unwrap() {
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
    // A numbered invoice keeps its number.
    pay(&mut world, "in_b");
    assert_eq!(buy(&mut world), 4);
    assert_eq!(receipts(&world), "in_a: 3, in_b: 1");
    assert_eq!(world.account.receipt_number, 4);
}

#[test]
fn a_payment_has_one_receipt_however_often_and_in_any_order_it_is_reported() {
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
            let receipt = world.account.invoices.receipts().next().unwrap();
            assert_eq!((receipt.at, receipt.paid), (day(2), Money::new(PRICE, Currency::USD)));
        }
    }
}

#[test]
fn of_payments_reported_together_the_earlier_gets_the_smaller_number() {
    let mut both = paid_for_plan("in_1", day(2), PRICE);
    both.join(&paid_for_plan("in_2", day(1), PRICE));
    both.join(&paid_for_plan("in_3", day(2), PRICE));
    check(&[both], "in_1: 2, in_2: 1, in_3: 3");
    // A payment reported later is numbered after the earlier reports.
    check(&[paid_for_plan("in_1", day(2), PRICE), paid_for_plan("in_2", day(1), PRICE)], "in_1: 1, in_2: 2");
}

#[test]
fn an_invoice_without_a_payment_has_no_receipt() {
    let facts = [paid_for_plan("in_1", day(0), 0), facts("in_2", None), facts("in_3", Some(day(0)))];
    let world = check(&facts, "");
    assert_eq!(world.account.receipt_number, 0);
}

#[test]
fn a_closed_account_still_gets_receipts() {
    let mut world = World::on("pro");
    world.account.terms.closed_at = Some(world.now);
    world.run(Command::RecordInvoices { facts: paid_for_plan("in_1", day(0), PRICE) }).unwrap();
    assert_eq!(receipts(&world), "in_1: 1");
}
