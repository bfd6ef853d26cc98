//! Spends: plan gating, burn-down order and insufficient tokens.

use super::world::{ALICE, FIRST_RESET, SERVICE, START, World, ai, at, deep, open_hold, quests, tokens, uses};
use crate::{
    access::refusal::Refusal,
    command::Command,
    ledger::{grant::Source, outcome::Effect},
};

/// Grants 10 AI tokens for each source and expiry (empty: never), spends 15, and checks the grants left.
fn check(given: &[(Source, &str)], then: &str) {
    let mut world = World::without_tokens("pro");
    for (source, expires_at) in given {
        world.give(*source, 10, expires_at);
        world.wait(1);
    }
    world.spend(15);
    assert_eq!(world.lots(), then, "{given:?}");
}

#[test]
fn a_spend_burns_the_earliest_expiring_grant_first() {
    let (soon, late) = ("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z");
    check(&[(Source::Promo, late), (Source::Admin, soon)], "promo 5");
    check(&[(Source::Admin, soon), (Source::Promo, late)], "promo 5");
    check(&[(Source::Pack, late), (Source::Pack, soon), (Source::Pack, "")], "pack 5, pack 10");
}

#[test]
fn a_grant_that_never_expires_burns_last_even_if_its_source_comes_first() {
    check(&[(Source::Promo, ""), (Source::Admin, "2027-01-01T00:00:00Z")], "promo 5");
}

#[test]
fn grants_that_expire_together_burn_plan_then_promo_then_refund_then_pack_then_admin() {
    let mut world = World::on("pro");
    world.adjust(-195).unwrap();
    for source in [Source::Admin, Source::Pack, Source::Refund, Source::Promo] {
        world.give(source, 5, FIRST_RESET);
    }
    for then in ["promo 5, refund 5, pack 5, admin 5", "refund 5, pack 5, admin 5", "pack 5, admin 5", "admin 5", ""] {
        world.spend(5);
        assert_eq!(world.lots(), then);
    }
}

#[test]
fn of_two_similar_grants_the_older_burns_first() {
    let mut world = World::without_tokens("pro");
    // Ids are hashes, so several pairs rule out that the id decides.
    for _ in 0..8 {
        let older = world.give(Source::Pack, 5, "");
        world.wait(1);
        let newer = world.give(Source::Pack, 5, "");
        world.spend(5);
        assert_eq!(world.account.grants[&older].remaining, tokens(0));
        assert_eq!(world.account.grants[&newer].remaining, tokens(5));
        world.spend(5);
    }
}

#[test]
fn a_spend_returns_the_grants_it_burned_and_appends_one_entry() {
    let mut world = World::on("pro");
    let pack = world.give(Source::Pack, 500, "");
    let seq = world.account.head.seq;
    let outcome = world.run(Command::Spend(quests(SERVICE, 205))).unwrap();
    let Effect::Spent { amount, parts, balance, .. } = outcome.effect else { panic!("{outcome:?}") };
    assert_eq!((amount, balance.settled), (tokens(205), tokens(495)));
    assert_eq!(parts.iter().map(|part| part.amount.get()).collect::<Vec<_>>(), [200, 5]);
    assert_eq!(parts[1].grant, pack);
    assert_eq!((outcome.seq, world.entries_since(seq).as_str()), (seq + 1, "spent -205"));
}

#[test]
fn each_feature_costs_its_own_tokens_times_the_quantity() {
    let mut world = World::on("enterprise");
    for (feature, quantity, then) in [
        ("quest_generation", 1, (1_995, 200)),
        ("lead_generation", 2, (1_975, 200)),
        ("revenue_forecast", 1, (1_960, 200)),
        ("strategy_analysis", 10, (1_960, 180)),
    ] {
        world.run(Command::Spend(uses(SERVICE, feature, quantity))).unwrap();
        let settled = |token_type| world.account.balance(&token_type).settled.get();
        assert_eq!((settled(ai()), settled(deep())), then, "{feature}");
    }
}

#[test]
fn starter_cannot_spend_even_with_a_pack() {
    let mut world = World::on("starter");
    assert_eq!(world.balance(), (0, 0, 0), "starter has no allowance");
    let usage = quests(ALICE, 5);
    let refusal = Refusal::FeatureNotInPlan {
        feature: usage.feature.clone(),
        plan: "starter".parse().unwrap(),
        needs: "pro".parse().unwrap(),
    };
    for _ in 0..2 {
        assert_eq!(world.run(Command::Spend(usage.clone())), Err(refusal.clone()));
        assert_eq!(world.run(open_hold(usage.clone(), None)), Err(refusal.clone()));
        assert_eq!(world.check(&usage), Err(refusal.clone()));
        world.give(Source::Pack, 500, "");
    }
    world.change_plan("pro").unwrap();
    world.spend(5);
    assert_eq!(world.lots(), "plan 195, pack 500, pack 500", "the packs can be spent after the upgrade");
}

#[test]
fn the_last_token_can_be_spent_and_a_further_spend_is_refused() {
    let mut world = World::on("pro");
    world.spend(195);
    let refusal = |needed, available| Refusal::InsufficientTokens {
        token_type: ai(),
        needed: tokens(needed),
        available: tokens(available),
        withheld: tokens(0),
        resets_at: Some(at(FIRST_RESET)),
    };
    assert_eq!(world.try_spend(SERVICE, 10), Err(refusal(10, 5)));
    assert_eq!(world.lots(), "plan 5", "a refused spend takes nothing");
    world.spend(5);
    assert_eq!(world.try_spend(SERVICE, 5), Err(refusal(5, 0)));
}

#[test]
fn a_refusal_has_no_reset_if_the_next_plan_has_no_allowance() {
    let mut world = World::on("pro");
    world.change_plan("starter").unwrap();
    match world.try_spend(SERVICE, 500) {
        Err(Refusal::InsufficientTokens { resets_at, .. }) => assert_eq!(resets_at, None),
        other => panic!("{other:?}"),
    }
}

#[test]
fn held_tokens_cannot_be_spent() {
    let mut world = World::on("pro");
    let hold = world.hold(190);
    match world.try_spend(SERVICE, 15) {
        Err(Refusal::InsufficientTokens { needed, available, .. }) => {
            assert_eq!((needed, available), (tokens(15), tokens(10)));
        }
        other => panic!("{other:?}"),
    }
    world.spend(10);
    world.release(hold).unwrap();
    world.spend(190);
    assert_eq!(world.balance(), (0, 0, 0));
}

#[test]
fn a_quote_matches_the_spend_that_follows() {
    let mut world = World::on("pro");
    world.give(Source::Pack, 100, "");
    world.hold(50);
    let quote = world.check(&quests(SERVICE, 160)).unwrap();
    let outcome = world.run(Command::Spend(quests(SERVICE, 160))).unwrap();
    let Effect::Spent { parts, balance, amount, .. } = outcome.effect else { panic!("{outcome:?}") };
    assert_eq!((quote.parts, quote.cost, quote.available_after), (parts, amount, balance.available()));
}

#[test]
fn an_entry_has_the_caller_feature_metadata_and_time() {
    let mut world = World::on("pro");
    let usage =
        crate::command::Usage { metadata: Some("{\"page\":7}".to_owned().try_into().unwrap()), ..quests(ALICE, 5) };
    world.run(Command::Spend(usage.clone())).unwrap();
    let (entry, _) = world.entries.last().unwrap();
    assert_eq!((entry.caller, &entry.feature), (ALICE, &Some(usage.feature)));
    assert_eq!((&entry.metadata, entry.at), (&usage.metadata, at(START)));
}
