//! Refunds of spends: once, in whole, to the grants that were burned.

use super::world::{ALICE, FIRST_RESET, SERVICE_FOR_ALICE, STAFF, World, at, tokens};
use crate::{
    access::refusal::Refusal,
    ids::TransactionId,
    ledger::{entry::EntryKind, grant::Source, outcome::Effect},
};

/// Spends 60 from a promotion of 50 that expires on 1 February and a pack, refunds it at `refunded_at`, and checks the
/// grants.
fn check(refunded_at: &str, then: &str) -> World {
    let mut world = World::without_tokens("pro");
    world.give(Source::Promo, 50, "2026-02-01T00:00:00Z");
    world.give(Source::Pack, 500, "");
    let spend = world.spend(60);
    assert_eq!(world.lots(), "pack 490");
    world.set_time(refunded_at);
    let effect = world.refund(spend).unwrap();
    let Effect::Refunded { of, amount, balance, .. } = effect else { panic!("{effect:?}") };
    assert_eq!((of, amount), (spend, tokens(60)));
    assert_eq!(balance.settled.get(), world.balance().0);
    assert_eq!(world.lots(), then);
    world
}

#[test]
fn a_refund_returns_the_tokens_to_the_grants_that_were_burned() {
    let world = check("2026-01-31T23:59:59Z", "promo 50, pack 500");
    let (entry, _) = world.entries.last().unwrap();
    assert_eq!((entry.amount(), entry.reverses.is_some()), (60, true));
    assert_eq!(entry.parts.iter().map(|part| part.amount.get()).collect::<Vec<_>>(), [50, 10]);
}

#[test]
fn a_grant_that_has_expired_since_is_replaced_until_the_end_of_the_period() {
    let world = check("2026-02-01T00:00:00Z", "refund 50, pack 500");
    let replacement = world.account.grants.values().find(|grant| grant.source == Source::Refund).unwrap();
    assert_eq!(replacement.expires_at, Some(at(FIRST_RESET)));
}

#[test]
fn the_replacement_grant_expires_with_the_period_of_the_refund() {
    let world = check("2026-02-20T00:00:00Z", "plan 200, refund 50, pack 500");
    let replacement = world.account.grants.values().find(|grant| grant.source == Source::Refund).unwrap();
    assert_eq!(replacement.expires_at, Some(at("2026-03-15T12:00:00Z")));
}

#[test]
fn a_refund_reduces_the_usage_of_the_member_who_spent() {
    let mut world = World::on("pro");
    let spend = world.try_spend(SERVICE_FOR_ALICE, 60).unwrap().transaction;
    world.refund(spend).unwrap();
    let (entry, _) = world.entries.last().unwrap();
    assert_eq!((entry.caller, entry.member), (STAFF, ALICE.member()));
}

#[test]
fn a_spend_is_refunded_once() {
    let mut world = World::on("pro");
    let spend = world.spend(60);
    world.refund(spend).unwrap();
    assert_eq!(world.balance(), (200, 0, 200));
    for days in [0, 40] {
        world.wait(days * 86_400);
        assert_eq!(world.refund(spend), Err(Refusal::AlreadyRefunded));
    }
}

#[test]
fn a_capture_is_refunded_once_and_whole_to_the_grants_that_it_charged() {
    for (captured, spent) in [(None, 60), (Some(40), 40)] {
        let mut world = World::on("pro");
        let hold = world.hold(60);
        world.capture(hold, captured).unwrap();
        let (entry, _) = world.entries.iter().rfind(|(entry, _)| entry.kind == EntryKind::Captured).unwrap();
        let capture = entry.transaction;
        assert_eq!(world.balance(), (200 - spent, 0, 200 - spent));
        world.refund(capture).unwrap();
        assert_eq!(world.balance(), (200, 0, 200));
        assert_eq!(world.refund(capture), Err(Refusal::AlreadyRefunded));
    }
}

#[test]
fn a_transaction_that_is_not_a_charge_cannot_be_refunded() {
    let mut world = World::on("pro");
    assert_eq!(world.refund(TransactionId(uuid::Uuid::from_u128(5))), Err(Refusal::SpendNotFound));
    let hold = world.hold(5);
    assert_eq!(world.refund(TransactionId(hold.0)), Err(Refusal::SpendNotFound));
}

#[test]
fn a_refund_cannot_raise_a_balance_above_the_maximum() {
    let mut world = World::on("pro");
    let spend = world.spend(60);
    world.give(Source::Admin, 1_000_000_000_000 - 140, "");
    assert_eq!(world.refund(spend).unwrap_err().code(), "amount_out_of_range");
}
