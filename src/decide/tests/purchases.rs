//! Packs that are bought: credited once, taken back with their money.

use super::world::{World, disputed, paid, refunded};
use crate::{
    access::refusal::Refusal,
    billing::payment::{Payment, Stage},
    command::Command,
    ids::PurchaseId,
    ledger::outcome::Effect,
};

/// Settled AI tokens and what is owed.
fn holdings(world: &World) -> (i64, i64) {
    let balance = world.account.balance(&super::world::ai());
    (balance.settled.get(), balance.debt.get())
}

/// Given a pack of 500 that was bought, of which `spent` are spent, what Stripe tells leaves so many tokens and so much debt.
#[track_caller]
fn check(spent: u32, facts: &[Payment], then: (i64, i64)) -> (World, PurchaseId) {
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    if spent > 0 {
        world.spend(spent);
    }
    for facts in facts {
        world.tell(purchase, facts.clone()).unwrap();
    }
    assert_eq!(holdings(&world), then);
    (world, purchase)
}

#[test]
fn a_pack_is_credited_when_it_is_paid_and_only_once() {
    let mut world = World::without_tokens("pro");
    let purchase = world.order();
    for stage in [Stage::Open, Stage::Pending, Stage::Expired, Stage::Failed] {
        let effect = world.tell(purchase, Payment { stage, ..Payment::default() }).unwrap();
        assert_eq!(effect, Effect::PaymentRecorded { purchase, number: None });
        assert_eq!(holdings(&world), (0, 0));
    }
    for _ in 0..3 {
        let effect = world.tell(purchase, paid()).unwrap();
        assert_eq!(effect, Effect::PaymentRecorded { purchase, number: Some(1) });
        assert_eq!(holdings(&world), (500, 0));
    }
    assert_eq!(world.account.balance(&super::world::deep()).settled.get(), 50);
    let second = world.order();
    assert_eq!(world.tell(second, paid()).unwrap(), Effect::PaymentRecorded { purchase: second, number: Some(2) });
}

#[test]
fn nothing_is_credited_for_an_order_that_nobody_made() {
    let purchase = PurchaseId(uuid::Uuid::from_u128(7));
    assert_eq!(World::on("pro").tell(purchase, paid()), Err(Refusal::PurchaseNotFound));
}

#[test]
fn a_refund_takes_back_the_same_part_of_the_tokens() {
    check(0, &[refunded("re_1", 1_000, false)], (328, 0));
    check(0, &[refunded("re_1", 1_000, false), refunded("re_2", 1_900, false)], (0, 0));
    check(0, &[Payment { refunded_cents: 1_450, ..Payment::default() }], (250, 0));
    let (world, _) = check(0, &[refunded("re_1", 1_450, false)], (250, 0));
    assert_eq!(world.account.balance(&super::world::deep()).settled.get(), 25);
}

#[test]
fn what_was_spent_already_becomes_debt() {
    check(200, &[refunded("re_1", 2_900, false)], (0, 200));
    check(500, &[refunded("re_1", 1_450, false)], (0, 250));
}

#[test]
fn a_refund_that_fails_gives_back_first_the_debt_then_the_tokens() {
    check(200, &[refunded("re_1", 2_900, false), refunded("re_1", 2_900, true)], (300, 0));
    check(0, &[refunded("re_1", 2_900, true), refunded("re_1", 2_900, false)], (500, 0));
}

#[test]
fn the_next_pack_pays_the_debt_and_gives_it_back_if_the_refund_fails_after_all() {
    let (mut world, first) = check(200, &[refunded("re_1", 2_900, false)], (0, 200));
    world.buy();
    assert_eq!(holdings(&world), (300, 0));
    world.tell(first, refunded("re_1", 2_900, true)).unwrap();
    assert_eq!(holdings(&world), (800, 0));
}

#[test]
fn a_dispute_puts_the_tokens_aside_until_it_is_decided() {
    let (mut world, purchase) = check(200, &[disputed("dp_1", None)], (0, 0));
    assert_eq!(world.story_since(0), "granted +200, adjusted -200, granted +500, spent -200, frozen -300");
    world.tell(purchase, disputed("dp_1", Some((1, false)))).unwrap();
    assert_eq!(holdings(&world), (300, 0));
    world.tell(purchase, disputed("dp_1", Some((2, true)))).unwrap();
    assert_eq!(holdings(&world), (0, 200));
}

#[test]
fn a_refund_during_a_dispute_takes_from_what_was_put_aside() {
    let facts = [disputed("dp_1", None), refunded("re_1", 1_450, false)];
    let (mut world, purchase) = check(0, &facts, (0, 0));
    world.tell(purchase, disputed("dp_1", Some((1, false)))).unwrap();
    assert_eq!(holdings(&world), (250, 0));
}

#[test]
fn tokens_that_a_job_gives_back_pay_what_is_owed_for_them() {
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    let hold = world.hold(300);
    world.tell(purchase, refunded("re_1", 2_900, false)).unwrap();
    assert_eq!((world.balance(), holdings(&world).1), ((300, 300, 0), 300));
    world.release(hold).unwrap();
    assert_eq!((world.balance(), holdings(&world).1), ((0, 0, 0), 0));
}

#[test]
fn tokens_that_come_back_to_a_disputed_lot_are_put_aside() {
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    let (hold, spend) = (world.hold(300), world.spend(50));
    world.tell(purchase, disputed("dp_1", None)).unwrap();
    assert_eq!(world.balance(), (300, 300, 0));
    world.refund(spend).unwrap();
    world.capture(hold, Some(100)).unwrap();
    assert_eq!(world.balance(), (0, 0, 0));
    world.tell(purchase, disputed("dp_1", Some((1, false)))).unwrap();
    assert_eq!(world.balance(), (400, 0, 400));
}

#[test]
fn a_hold_that_lapses_gives_back_to_the_debt_too() {
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    world.hold(300);
    world.tell(purchase, refunded("re_1", 2_900, false)).unwrap();
    world.wait(16 * 60);
    world.run(Command::Advance).unwrap();
    assert_eq!(holdings(&world), (0, 0));
}

#[test]
fn a_closed_account_is_no_reason_to_lose_a_payment() {
    let mut world = World::without_tokens("pro");
    let purchase = world.order();
    world.account.terms.closed_at = Some(world.now);
    world.tell(purchase, paid()).unwrap();
    assert_eq!(holdings(&world), (500, 0));
}

#[test]
fn after_a_partial_refund_what_a_job_gives_back_pays_what_is_owed() {
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    world.spend(250);
    let hold = world.hold(250);
    world.tell(purchase, refunded("re_1", 1_450, false)).unwrap();
    assert_eq!((world.balance(), holdings(&world).1), ((250, 250, 0), 250));
    world.release(hold).unwrap();
    assert_eq!(holdings(&world), (0, 0));
}

#[test]
fn after_a_partial_refund_a_spend_that_is_returned_pays_only_what_is_owed() {
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    let spend = world.spend(300);
    world.tell(purchase, refunded("re_1", 1_450, false)).unwrap();
    assert_eq!(holdings(&world), (0, 50));
    world.refund(spend).unwrap();
    assert_eq!(holdings(&world), (250, 0));
}

#[test]
fn a_spend_can_be_returned_whatever_became_of_its_pack() {
    // Refunded, its debt paid by another pack, and reinstated: the lot is full.
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    let spend = world.spend(200);
    world.tell(purchase, refunded("re_1", 2_900, false)).unwrap();
    world.buy();
    world.tell(purchase, refunded("re_1", 2_900, true)).unwrap();
    world.refund(spend).unwrap();
    assert_eq!((holdings(&world), world.lots().as_str()), ((1_000, 0), "pack 200, pack 500, pack 300"));
    // The same while what is left of it is put aside.
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    let spend = world.spend(200);
    world.tell(purchase, refunded("re_1", 2_900, false)).unwrap();
    world.buy();
    world.tell(purchase, refunded("re_1", 2_900, true)).unwrap();
    world.tell(purchase, disputed("dp_1", None)).unwrap();
    world.refund(spend).unwrap();
    world.tell(purchase, disputed("dp_1", Some((1, false)))).unwrap();
    assert_eq!(holdings(&world), (1_000, 0));
}

#[test]
fn a_payment_that_does_not_say_how_much_was_the_price() {
    let mut world = World::without_tokens("pro");
    let purchase = world.order();
    world.tell(purchase, Payment { stage: Stage::Paid, ..Payment::default() }).unwrap();
    world.tell(purchase, refunded("re_1", 2_900, false)).unwrap();
    assert_eq!(holdings(&world), (0, 0));
}
