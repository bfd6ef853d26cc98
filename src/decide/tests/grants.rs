//! Grants, debt and adjustments.

use super::world::{ALICE, STAFF, START, World, ai, at, deep, tokens};
use crate::{
    access::refusal::Refusal,
    command::Command,
    ledger::{grant::Source, outcome::Effect, tokens::Tokens},
};

/// Grants 100 tokens to an account with `debt`, and checks the debt paid, the settled tokens and the debt left.
fn check(debt: i64, source: Source, then: (i64, i64, i64)) {
    let mut world = World::without_tokens("pro");
    if debt > 0 {
        world.owe(debt);
    }
    let effect = world.grant(source, 100, None).unwrap();
    let Effect::Granted { amount, paid_debt, balance, grant, .. } = effect else { panic!("{effect:?}") };
    assert_eq!(amount, tokens(100));
    assert_eq!((paid_debt.get(), balance.settled.get(), balance.debt.get()), then, "{source:?} against {debt}");
    assert_eq!(world.account.grants[&grant].remaining, balance.settled);
    assert_eq!(world.account.balance(&ai()), balance);
}

#[test]
fn a_pack_pays_debt_first() {
    check(0, Source::Pack, (0, 100, 0));
    check(30, Source::Pack, (30, 70, 0));
    check(100, Source::Pack, (100, 0, 0));
    check(130, Source::Pack, (100, 0, 30));
}

#[test]
fn only_a_pack_pays_debt() {
    for source in [Source::Promo, Source::Refund, Source::Admin] {
        check(30, source, (0, 100, 30));
    }
    let mut world = World::on("pro");
    world.owe(30);
    world.set_time(super::world::FIRST_RESET);
    world.advance();
    assert_eq!(world.lots(), "plan 200");
    assert_eq!(world.account.balance(&ai()).debt, tokens(30));
}

#[test]
fn a_debt_of_one_token_type_is_not_paid_with_another() {
    let mut world = World::on("pro");
    world.owe(30);
    let (token_type, amount, source) = (deep(), tokens(50), Source::Pack);
    let command = Command::Grant { caller: STAFF, token_type, amount, source, expires_at: None, note: None };
    world.run(command).unwrap();
    assert_eq!(world.account.balance(&deep()).settled, tokens(70));
    assert_eq!(world.account.balance(&ai()).debt, tokens(30));
}

#[test]
fn a_grant_expires_exactly_at_its_instant() {
    let mut world = World::without_tokens("pro");
    world.give(Source::Promo, 50, "2026-02-01T00:00:00Z");
    world.spend(5);
    let seq = world.account.head.seq;
    world.set_time("2026-01-31T23:59:59.999999Z");
    world.advance();
    assert_eq!(world.lots(), "promo 45");
    world.set_time("2026-02-01T00:00:00Z");
    assert_eq!(world.try_spend(super::world::SERVICE, 5).unwrap_err().code(), "insufficient_tokens");
    world.advance();
    assert_eq!((world.lots().as_str(), world.entries_since(seq).as_str()), ("", "expired -45"));
    world.wait(5);
    world.advance();
    assert_eq!(world.entries_since(seq), "expired -45", "it expires once");
}

#[test]
fn expiries_are_booked_in_order_of_expiry() {
    let mut world = World::without_tokens("pro");
    world.give(Source::Promo, 3, "2026-02-03T00:00:00Z");
    world.give(Source::Promo, 1, "2026-02-01T00:00:00Z");
    world.give(Source::Promo, 2, "2026-02-02T00:00:00Z");
    let seq = world.account.head.seq;
    world.set_time("2026-02-16T00:00:00Z");
    world.spend(5);
    assert_eq!(world.entries_since(seq), "expired -1, expired -2, expired -3, granted +200, spent -5");
}

#[test]
fn an_invalid_grant_is_refused() {
    let mut world = World::on("pro");
    let mut refused = |source, amount, expires_at| world.grant(source, amount, expires_at).unwrap_err().code();
    assert_eq!(refused(Source::Pack, 0, None), "amount_out_of_range");
    assert_eq!(refused(Source::Plan, 5, None), "amount_out_of_range");
    assert_eq!(refused(Source::Promo, 5, Some(at(START))), "amount_out_of_range");
    assert_eq!(refused(Source::Promo, Tokens::MAX.get(), None), "amount_out_of_range");
    let (token_type, amount, source): (crate::names::TokenType, _, _) =
        ("gold".parse().unwrap(), tokens(5), Source::Pack);
    let unknown = Refusal::UnknownTokenType { token_type: token_type.clone() };
    let command = Command::Grant { caller: STAFF, token_type, amount, source, expires_at: None, note: None };
    assert_eq!(world.run(command), Err(unknown));
}

#[test]
fn a_positive_adjustment_grants_tokens_that_never_expire() {
    let mut world = World::on("pro");
    let effect = world.adjust(40).unwrap();
    assert!(matches!(effect, Effect::Adjusted { amount: 40, .. }), "{effect:?}");
    assert_eq!(world.lots(), "plan 200, admin 40");
    assert!(world.account.grants.values().any(|grant| grant.source == Source::Admin && grant.expires_at.is_none()));
    assert!(world.entries_since(0).ends_with("adjusted +40"));
    assert_eq!(world.entries.last().unwrap().0.note.as_deref(), Some("a correction"));
}

#[test]
fn a_negative_adjustment_burns_available_tokens_in_burn_down_order() {
    let mut world = World::on("pro");
    world.give(Source::Pack, 500, "");
    let hold = world.hold(50);
    world.adjust(-200).unwrap();
    assert_eq!(world.lots(), "plan 50 (50 held), pack 450");
    match world.adjust(-451) {
        Err(Refusal::InsufficientTokens { needed, available, .. }) => {
            assert_eq!((needed, available), (tokens(451), tokens(450)));
        }
        other => panic!("{other:?}"),
    }
    world.adjust(-450).unwrap();
    world.capture(hold, None).unwrap();
    assert_eq!(world.balance(), (0, 0, 0));
}

#[test]
fn an_adjustment_that_is_out_of_range_is_refused() {
    let mut world = World::on("pro");
    for amount in [0, i64::MIN, i64::MAX, Tokens::MAX.get()] {
        assert_eq!(world.adjust(amount).unwrap_err().code(), "amount_out_of_range", "{amount}");
    }
}

#[test]
fn a_nearly_full_balance_gets_as_much_of_an_allowance_as_fits() {
    let mut world = World::without_tokens("pro");
    world.give(Source::Admin, Tokens::MAX.get() - 50, "");
    world.set_time(super::world::FIRST_RESET);
    world.advance();
    assert_eq!(world.balance().0, Tokens::MAX.get());
    let command = Command::ChangePlan { caller: ALICE, plan: "enterprise".parse().unwrap() };
    world.run(command).unwrap();
    assert_eq!(world.lots(), "plan 50, admin 999,999,999,950");
    world.spend(100);
    assert_eq!(world.lots(), "admin 999,999,999,900");
}
