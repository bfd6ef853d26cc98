//! Purchases: credited once, clawed back with refunds and disputes.

use super::world::{World, disputed, paid, refunded};
use crate::{
    access::refusal::Refusal,
    billing::{
        money::Money,
        payment::{Dispute, DisputeStatus, Payment, Stage},
    },
    command::Command,
    ids::PurchaseId,
    ledger::outcome::Effect,
};

/// The settled AI tokens and the debt.
fn holdings(world: &World) -> (i64, i64) {
    let balance = world.account.balance(&super::world::ai());
    (balance.settled.get(), balance.debt.get())
}

/// Buys a pack of 500, spends `spent` of it, records `facts`, and checks the settled tokens and the debt.
#[track_caller]
fn check(spent: u32, facts: &[Payment], then: (i64, i64)) -> (World, PurchaseId) {
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    if spent > 0 {
        world.spend(spent);
    }
    for facts in facts {
        world.record_payment(purchase, facts.clone()).unwrap();
    }
    assert_eq!(holdings(&world), then);
    (world, purchase)
}

#[test]
fn a_pack_is_credited_when_it_is_paid_and_only_once() {
    let mut world = World::without_tokens("pro");
    let purchase = world.order();
    for stage in [Stage::Open, Stage::Pending, Stage::Expired, Stage::Failed] {
        let effect = world.record_payment(purchase, Payment { stage, ..Payment::default() }).unwrap();
        assert_eq!(effect, Effect::PaymentRecorded { purchase, number: None });
        assert_eq!(holdings(&world), (0, 0));
    }
    for _ in 0..3 {
        let effect = world.record_payment(purchase, paid()).unwrap();
        assert_eq!(effect, Effect::PaymentRecorded { purchase, number: Some(1) });
        assert_eq!(holdings(&world), (500, 0));
    }
    assert_eq!(world.account.balance(&super::world::deep()).settled.get(), 50);
    let second = world.order();
    assert_eq!(
        world.record_payment(second, paid()).unwrap(),
        Effect::PaymentRecorded { purchase: second, number: Some(2) }
    );
}

#[test]
fn a_payment_for_an_unknown_order_is_refused() {
    let purchase = PurchaseId(uuid::Uuid::from_u128(7));
    assert_eq!(World::on("pro").record_payment(purchase, paid()), Err(Refusal::PurchaseNotFound));
}

#[test]
fn a_refund_claws_back_the_same_share_of_the_tokens() {
    check(0, &[refunded("re_1", 1_000, false)], (328, 0));
    check(0, &[refunded("re_1", 1_000, false), refunded("re_2", 1_900, false)], (0, 0));
    check(0, &[Payment { refunded_minor: 1_450, ..Payment::default() }], (250, 0));
    let (world, _) = check(0, &[refunded("re_1", 1_450, false)], (250, 0));
    assert_eq!(world.account.balance(&super::world::deep()).settled.get(), 25);
}

#[test]
fn a_clawback_of_spent_tokens_becomes_debt() {
    check(200, &[refunded("re_1", 2_900, false)], (0, 200));
    check(500, &[refunded("re_1", 1_450, false)], (0, 250));
}

#[test]
fn a_failed_refund_cancels_the_debt_first_and_then_returns_tokens() {
    check(200, &[refunded("re_1", 2_900, false), refunded("re_1", 2_900, true)], (300, 0));
    check(0, &[refunded("re_1", 2_900, true), refunded("re_1", 2_900, false)], (500, 0));
}

#[test]
fn the_next_pack_pays_the_debt_and_gets_it_back_if_the_refund_fails() {
    let (mut world, first) = check(200, &[refunded("re_1", 2_900, false)], (0, 200));
    world.buy();
    assert_eq!(holdings(&world), (300, 0));
    world.record_payment(first, refunded("re_1", 2_900, true)).unwrap();
    assert_eq!(holdings(&world), (800, 0));
}

#[test]
fn a_dispute_freezes_the_tokens_until_it_is_decided() {
    let (mut world, purchase) = check(200, &[disputed("dp_1", None)], (0, 0));
    assert_eq!(world.entries_since(0), "granted +200, adjusted -200, granted +500, spent -200, frozen -300");
    world.record_payment(purchase, disputed("dp_1", Some((1, false)))).unwrap();
    assert_eq!(holdings(&world), (300, 0));
    world.record_payment(purchase, disputed("dp_1", Some((2, true)))).unwrap();
    assert_eq!(holdings(&world), (0, 200));
}

/// Facts: a part of the payment is disputed, with this status.
fn dispute(minor: u64, status: DisputeStatus) -> Payment {
    Payment { disputes: [("dp_1".into(), Dispute { minor, currency: None, status })].into(), ..Payment::default() }
}

#[test]
fn an_inquiry_freezes_nothing_until_it_becomes_a_dispute() {
    let (mut world, purchase) = check(200, &[dispute(2_900, DisputeStatus::Inquiry)], (300, 0));
    world.record_payment(purchase, dispute(2_900, DisputeStatus::Open)).unwrap();
    assert_eq!(holdings(&world), (0, 0));
    world.record_payment(purchase, dispute(2_900, DisputeStatus::Inquiry)).unwrap();
    assert_eq!(holdings(&world), (0, 0), "an inquiry that is reported late");
    world.record_payment(purchase, dispute(2_900, DisputeStatus::Closed { reported_at: 1, lost: false })).unwrap();
    assert_eq!(holdings(&world), (300, 0));
}

#[test]
fn a_dispute_of_a_part_freezes_the_same_share_of_the_tokens() {
    let (mut world, purchase) = check(0, &[dispute(290, DisputeStatus::Open)], (450, 0));
    world.record_payment(purchase, dispute(290, DisputeStatus::Closed { reported_at: 1, lost: true })).unwrap();
    assert_eq!(holdings(&world), (450, 0));
    check(480, &[dispute(290, DisputeStatus::Open)], (0, 0));
    check(0, &[refunded("re_1", 1_450, false), dispute(2_900, DisputeStatus::Open)], (0, 0));
}

#[test]
fn a_refund_during_a_dispute_takes_frozen_tokens() {
    let facts = [disputed("dp_1", None), refunded("re_1", 1_450, false)];
    let (mut world, purchase) = check(0, &facts, (0, 0));
    world.record_payment(purchase, disputed("dp_1", Some((1, false)))).unwrap();
    assert_eq!(holdings(&world), (250, 0));
}

#[test]
fn tokens_that_a_released_hold_returns_pay_the_debt_of_their_pack() {
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    let hold = world.hold(300);
    world.record_payment(purchase, refunded("re_1", 2_900, false)).unwrap();
    assert_eq!((world.balance(), holdings(&world).1), ((300, 300, 0), 300));
    world.release(hold).unwrap();
    assert_eq!((world.balance(), holdings(&world).1), ((0, 0, 0), 0));
}

#[test]
fn tokens_that_return_to_a_disputed_pack_are_frozen() {
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    let (hold, spend) = (world.hold(300), world.spend(50));
    world.record_payment(purchase, disputed("dp_1", None)).unwrap();
    assert_eq!(world.balance(), (300, 300, 0));
    world.refund(spend).unwrap();
    world.capture(hold, Some(100)).unwrap();
    assert_eq!(world.balance(), (0, 0, 0));
    world.record_payment(purchase, disputed("dp_1", Some((1, false)))).unwrap();
    assert_eq!(world.balance(), (400, 0, 400));
}

#[test]
fn tokens_that_an_expired_hold_returns_pay_the_debt_too() {
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    world.hold(300);
    world.record_payment(purchase, refunded("re_1", 2_900, false)).unwrap();
    world.wait(16 * 60);
    world.run(Command::Advance).unwrap();
    assert_eq!(holdings(&world), (0, 0));
}

#[test]
fn a_payment_is_credited_to_a_closed_account() {
    let mut world = World::without_tokens("pro");
    let purchase = world.order();
    world.account.terms.closed_at = Some(world.now);
    world.record_payment(purchase, paid()).unwrap();
    assert_eq!(holdings(&world), (500, 0));
}

#[test]
fn after_a_partial_refund_tokens_from_a_released_hold_pay_the_debt() {
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    world.spend(250);
    let hold = world.hold(250);
    world.record_payment(purchase, refunded("re_1", 1_450, false)).unwrap();
    assert_eq!((world.balance(), holdings(&world).1), ((250, 250, 0), 250));
    world.release(hold).unwrap();
    assert_eq!(holdings(&world), (0, 0));
}

#[test]
fn after_a_partial_refund_a_refunded_spend_pays_only_the_debt() {
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    let spend = world.spend(300);
    world.record_payment(purchase, refunded("re_1", 1_450, false)).unwrap();
    assert_eq!(holdings(&world), (0, 50));
    world.refund(spend).unwrap();
    assert_eq!(holdings(&world), (250, 0));
}

#[test]
fn a_spend_can_be_refunded_whatever_happened_to_its_pack() {
    // The pack was refunded, its debt was paid by another pack, and it was reinstated: the lot is full.
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    let spend = world.spend(200);
    world.record_payment(purchase, refunded("re_1", 2_900, false)).unwrap();
    world.buy();
    world.record_payment(purchase, refunded("re_1", 2_900, true)).unwrap();
    world.refund(spend).unwrap();
    assert_eq!((holdings(&world), world.lots().as_str()), ((1_000, 0), "pack 200, pack 500, pack 300"));
    // The same while the rest of the lot is frozen.
    let mut world = World::without_tokens("pro");
    let purchase = world.buy();
    let spend = world.spend(200);
    world.record_payment(purchase, refunded("re_1", 2_900, false)).unwrap();
    world.buy();
    world.record_payment(purchase, refunded("re_1", 2_900, true)).unwrap();
    world.record_payment(purchase, disputed("dp_1", None)).unwrap();
    world.refund(spend).unwrap();
    world.record_payment(purchase, disputed("dp_1", Some((1, false)))).unwrap();
    assert_eq!(holdings(&world), (1_000, 0));
}

#[test]
fn a_payment_without_an_amount_counts_as_the_price() {
    let mut world = World::without_tokens("pro");
    let purchase = world.order();
    world.record_payment(purchase, Payment { stage: Stage::Paid, ..Payment::default() }).unwrap();
    world.record_payment(purchase, refunded("re_1", 2_900, false)).unwrap();
    assert_eq!(holdings(&world), (0, 0));
}

/// Facts: this amount was paid.
fn paid_in(minor: u64, currency: &str) -> Payment {
    let currency = Some(currency.parse().unwrap());
    Payment { stage: Stage::Paid, currency, paid_minor: Some(minor), ..Payment::default() }
}

/// The paid and the returned amount, and the settled AI tokens.
fn amounts(world: &World, purchase: PurchaseId) -> (String, String, i64) {
    let found = &world.account.purchases[&purchase];
    let paid = found.paid().map_or_else(|| "unknown".into(), |paid| paid.to_string());
    (paid, found.returned().to_string(), holdings(world).0)
}

#[test]
fn a_payment_has_the_currency_that_was_paid() {
    for (price, facts, refund, then) in [
        ((2_680, "eur"), paid_in(2_680, "eur"), 1_340, ("€26.80", "€13.40", 250)),
        ((4_350, "jpy"), paid_in(4_350, "jpy"), 435, ("¥4,350", "¥435", 450)),
        ((9_000, "kwd"), paid_in(9_000, "kwd"), 9_000, ("KWD 9", "KWD 9", 0)),
        // Stripe converted the price.
        ((2_900, "usd"), paid_in(2_680, "eur"), 1_340, ("€26.80", "€13.40", 250)),
        // Stripe did not report the currency, or the amount.
        ((2_680, "eur"), Payment { currency: None, ..paid_in(2_680, "eur") }, 0, ("€26.80", "€0", 500)),
        ((2_680, "eur"), Payment { paid_minor: None, ..paid_in(0, "eur") }, 2_680, ("€26.80", "€26.80", 0)),
        ((2_900, "usd"), Payment { paid_minor: None, ..paid_in(0, "eur") }, 100, ("unknown", "€0", 500)),
    ] {
        let mut world = World::without_tokens("pro");
        let purchase = world.order_for(price.0, price.1);
        for facts in [facts, refunded("re_1", refund, false)] {
            world.record_payment(purchase, facts).unwrap();
        }
        let (paid, returned, tokens) = then;
        assert_eq!(amounts(&world, purchase), (paid.into(), returned.into(), tokens), "{price:?}");
    }
}

#[test]
fn a_free_order_is_credited_and_a_refund_of_nothing_claws_nothing_back() {
    let mut world = World::without_tokens("pro");
    let purchase = world.order();
    for facts in [paid_in(0, "eur"), refunded("re_1", 0, false), refunded("re_2", 100, false)] {
        let effect = world.record_payment(purchase, facts).unwrap();
        assert_eq!(effect, Effect::PaymentRecorded { purchase, number: Some(1) });
        assert_eq!(amounts(&world, purchase), ("€0".into(), "€0".into(), 500));
    }
}

#[test]
fn a_lost_dispute_in_another_currency_is_about_the_whole_payment() {
    let mut world = World::without_tokens("pro");
    let purchase = world.order_for(2_680, "eur");
    let lost = |currency: &str| {
        let status = DisputeStatus::Closed { reported_at: 1, lost: true };
        let dispute = Dispute { minor: 1_340, currency: Some(currency.parse().unwrap()), status };
        Payment { disputes: [(format!("dp_{currency}"), dispute)].into(), ..Payment::default() }
    };
    world.record_payment(purchase, paid_in(2_680, "eur")).unwrap();
    world.record_payment(purchase, lost("eur")).unwrap();
    assert_eq!(amounts(&world, purchase), ("€26.80".into(), "€13.40".into(), 250));
    world.record_payment(purchase, lost("usd")).unwrap();
    assert_eq!(amounts(&world, purchase), ("€26.80".into(), "€26.80".into(), 0));
}

#[test]
fn a_payment_keeps_all_its_charges_and_intents_in_any_order() {
    let facts = |number: u8, shown: Option<(i64, &str)>| {
        let mut payment = paid_in(2_680, "eur");
        payment.stripe_ids.payment_intents.insert(format!("pi_{number}"));
        payment.stripe_ids.charges.insert(format!("ch_{number}"));
        payment.presented = shown.map(|(minor, code)| Money { minor, currency: code.parse().unwrap() });
        payment
    };
    let (first, second) = (facts(1, Some((2_500, "gbp"))), facts(2, None));
    let joined = [[&first, &second], [&second, &first]].map(|order| {
        let mut payment = Payment::default();
        order.into_iter().chain(order).for_each(|facts| payment.join(facts));
        payment
    });
    assert_eq!(joined[0], joined[1]);
    let [payment, _] = joined;
    assert_eq!(payment.stripe_ids.names().collect::<Vec<_>>(), ["pi_1", "pi_2", "ch_1", "ch_2"]);
    assert_eq!(payment.presented.map(|it| it.to_string()).as_deref(), Some("£25"));
}
