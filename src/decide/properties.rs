//! Property tests: the invariants after every command of random histories.

mod charges;
mod history;
mod license;
mod storage;
mod stripe_life;
mod uses;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use self::history::{always, at_every_step, check, facts};
use super::{
    after_refusal, decide, is_due,
    tests::world::{self, World},
};
use crate::{
    billing::payment::{Payment, Stage},
    ids::{HoldId, PurchaseId},
    ledger::{
        audit::{self, LogAudit},
        balance::Balance,
        entry::EntryKind,
        grant::Source,
        hold::HoldState,
        outcome::Effect,
    },
    names::TokenType,
};

#[test]
fn an_account_always_adds_up() {
    at_every_step(|_, step| assert_eq!(audit::account(&step.after), [], "after {:?}", step.command));
}

#[test]
fn the_log_explains_every_balance() {
    always(|history| {
        let mut log = LogAudit::new(world::ORG);
        for (entry, hash) in &history.entries {
            log.verify(entry, *hash).unwrap();
        }
        let account = &history.world.account;
        assert_eq!(log.finish(account.head, &account.balances), []);
        let mut sums: BTreeMap<&TokenType, (i64, i64)> = BTreeMap::new();
        for (entry, _) in &history.entries {
            let (settled, held) = sums.entry(&entry.token_type).or_default();
            *settled += entry.amount();
            *held += entry.held_amount();
        }
        for (token_type, sum) in sums {
            let balance = account.balance(token_type);
            assert_eq!((balance.settled.get(), balance.held.get()), sum, "{token_type}");
        }
    });
}

#[test]
fn an_entry_moves_as_many_tokens_as_its_parts_say() {
    always(|history| {
        for (entry, _) in &history.entries {
            let parts: i64 = entry.parts.iter().map(|part| part.amount.get()).sum();
            let moved = match entry.kind {
                EntryKind::Held => entry.held_amount(),
                _ => entry.amount().abs(),
            };
            assert_eq!(moved, parts, "{entry:?}");
        }
    });
}

#[test]
fn a_refusal_changes_nothing_but_the_callers_guard() {
    at_every_step(|history, step| {
        let Err(refusal) = &step.result else { return };
        let guard = after_refusal(&step.before, &step.command, refusal, &step.cx(history));
        assert!(guard.is_none() || refusal.counts_towards_rate(), "{refusal:?}");
        let mut before = step.before.clone();
        before.guards.extend(guard);
        assert_eq!(step.after, before);
    });
}

#[test]
fn the_same_command_has_the_same_result() {
    at_every_step(|history, step| {
        assert_eq!(decide(&step.before, &step.command, &step.cx(history)), step.result);
    });
}

#[test]
fn a_hold_ends_once_and_charges_at_most_its_amount() {
    always(|history| {
        let mut ends: BTreeMap<HoldId, i64> = BTreeMap::new();
        for (entry, _) in &history.entries {
            match entry.kind {
                EntryKind::Held => drop(ends.insert(entry.hold.unwrap(), 0)),
                EntryKind::Captured | EntryKind::Released | EntryKind::HoldExpired => {
                    *ends.get_mut(&entry.hold.unwrap()).unwrap() += 1;
                }
                _ => {}
            }
        }
        assert_eq!(ends.len(), history.world.account.holds.len());
        for (id, hold) in &history.world.account.holds {
            assert_eq!(ends[id], i64::from(!hold.is_open()), "{hold:?}");
            if let HoldState::Captured { amount, .. } = hold.state {
                assert!(!amount.is_zero() && amount <= hold.amount());
            }
        }
    });
}

#[test]
fn everything_due_is_booked_after_a_command() {
    at_every_step(|history, step| {
        if step.result.is_ok() {
            assert!(!is_due(&step.after, &step.cx(history)), "{:?} left something due", step.command);
        }
    });
}

#[test]
fn an_account_is_due_exactly_at_its_due_at() {
    at_every_step(|history, step| {
        let due_at = step.before.due_at(&history.world.catalog.ladder);
        let expected = due_at.is_some_and(|at| at <= step.now);
        assert_eq!(is_due(&step.before, &step.cx(history)), expected, "due at {due_at:?}, now {}", step.now);
    });
}

#[test]
fn a_period_has_one_allowance_per_token_type_within_the_largest_plan() {
    always(|history| {
        let mut seen = BTreeSet::new();
        let largest = |token_type: &TokenType| {
            history.world.catalog.plans.iter().map(|plan| plan.allowance_of(token_type)).max().unwrap()
        };
        for grant in history.world.account.grants.values().filter(|grant| grant.source == Source::Plan) {
            assert!(seen.insert((grant.token_type.clone(), grant.period_start.unwrap())), "{grant:?} is a second one");
            assert!(grant.amount <= largest(&grant.token_type), "{grant:?}");
            let terms = &history.world.account.terms;
            if grant.period_start == terms.period_start {
                let period = terms.anchor.period_at(grant.period_start.unwrap());
                assert_eq!(grant.expires_at, Some(period.end), "{grant:?} does not end with its period");
            }
        }
    });
}

#[test]
fn only_grants_with_an_expiry_expire() {
    always(|history| {
        let account = &history.world.account;
        for (entry, _) in history.entries.iter().filter(|(entry, _)| entry.kind == EntryKind::Expired) {
            for part in &entry.parts {
                let grant = &account.grants[&part.grant];
                assert!(grant.expires_at.is_some(), "{grant:?} never expires");
                assert!(grant.expires_at <= Some(entry.at), "{grant:?} expired early");
            }
        }
    });
}

#[test]
fn the_outcome_has_the_balance_after_the_command() {
    always(|history| {
        for (step, decision) in history.applied() {
            let (token_type, facts): (&TokenType, Balance) = match &decision.outcome.effect {
                Effect::Spent { token_type, balance, .. }
                | Effect::HoldOpened { token_type, balance, .. }
                | Effect::Captured { token_type, balance, .. }
                | Effect::Released { token_type, balance, .. }
                | Effect::Refunded { token_type, balance, .. }
                | Effect::Granted { token_type, balance, .. }
                | Effect::Adjusted { token_type, balance, .. } => (token_type, *balance),
                Effect::PlanChanged { .. }
                | Effect::PaymentRecorded { .. }
                | Effect::InvoicesRecorded
                | Effect::SubscriptionsSynced
                | Effect::Suspended
                | Effect::Lifted
                | Effect::Advanced => continue,
            };
            assert_eq!(facts, step.after.balance(token_type), "{:?}", decision.outcome);
            assert_eq!(decision.outcome.seq, step.after.head.seq);
        }
    });
}

/// Invariant I4.
#[test]
fn a_payment_is_credited_once_and_the_clawback_matches_its_refunds() {
    always(|history| {
        let mut moved: BTreeMap<(PurchaseId, &TokenType), (i64, i64)> = BTreeMap::new();
        let mut credits: BTreeMap<(PurchaseId, &TokenType), usize> = BTreeMap::new();
        for (entry, _) in &history.entries {
            let Some(purchase) = entry.purchase else { continue };
            let key = (purchase, &entry.token_type);
            let net = entry.amount() - (entry.after.debt.get() - entry.before.debt.get());
            let (clawed_back, frozen) = moved.entry(key).or_default();
            match entry.kind {
                EntryKind::Granted => *credits.entry(key).or_default() += 1,
                EntryKind::ClawedBack | EntryKind::Reinstated => *clawed_back -= net,
                EntryKind::Frozen | EntryKind::Thawed => *frozen -= net,
                EntryKind::DebtPaid => assert_eq!(entry.amount(), entry.after.debt.get() - entry.before.debt.get()),
                kind => panic!("{kind:?}"),
            }
        }
        let account = &history.world.account;
        for purchase in account.purchases.values() {
            let Some(credit) = &purchase.credit else {
                assert_ne!(purchase.payment.stage, Stage::Paid);
                continue;
            };
            for lot in &credit.lots {
                let key = (purchase.id, &lot.token_type);
                assert_eq!(credits[&key], 1);
                assert_eq!(lot.clawed_back, purchase.payment.clawback_of(lot.amount));
                assert_eq!(moved[&key], (lot.clawed_back.get(), lot.frozen.get()));
                let free = account.grants[&lot.grant].free();
                let target = purchase.payment.freeze_of(lot.amount);
                assert!(lot.frozen <= target, "more is frozen than is disputed");
                assert!(free.is_zero() || lot.frozen == target, "{free} of a disputed lot can be spent");
            }
        }
        for invoice in account.invoices.0.values() {
            assert_eq!(invoice.receipt.is_some(), invoice.paid.as_ref().is_some_and(|paid| paid.minor > 0));
        }
        let packs = account.purchases.values().filter_map(|it| Some(it.credit.as_ref()?.number));
        let plans = account.invoices.receipts().map(|it| it.number);
        let mut numbers: Vec<i64> = packs.chain(plans).collect();
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(1..=account.receipt_number), "{numbers:?}");
    });
}

#[test]
fn payment_facts_have_the_same_result_in_any_order_and_however_often() {
    let facts = prop::collection::vec(facts(), 1..8).prop_flat_map(|facts| {
        let more = prop::collection::vec(prop::sample::select(facts.clone()), 0..8);
        let twice = (Just(facts.clone()), more).prop_map(|(facts, more)| [facts, more].concat());
        (Just(facts), twice.prop_shuffle(), 0_u32..40)
    });
    check(facts, |(facts, again, quests)| {
        let play = |facts: &[Payment]| {
            let mut world = World::without_tokens("pro");
            let purchase = world.buy();
            if quests > 0 {
                world.spend(quests * 5);
            }
            facts.iter().for_each(|facts| drop(world.record_payment(purchase, facts.clone()).unwrap()));
            world
        };
        let (one, other) = (play(&facts), play(&again));
        assert_eq!(one.account.purchases, other.account.purchases);
        assert_eq!(one.account.balances, other.account.balances);
    });
}

#[test]
fn the_histories_reach_every_refusal_and_entry_kind() {
    let seen = std::cell::RefCell::new(BTreeMap::<String, usize>::new());
    always(|history| {
        let mut seen = seen.borrow_mut();
        for step in &history.steps {
            if let Err(refusal) = &step.result {
                *seen.entry(refusal.code().into()).or_default() += 1;
            }
        }
        for (entry, _) in &history.entries {
            *seen.entry(entry.kind.as_str().into()).or_default() += 1;
        }
    });
    let seen = seen.into_inner();
    let refusals = [
        "account_closed",
        "blocked",
        "feature_not_in_plan",
        "license_suspended",
        "rate_limited",
        "too_frequent",
        "insufficient_tokens",
        "plan_unchanged",
        "already_suspended",
        "not_suspended",
        "hold_not_found",
        "hold_closed",
        "capture_exceeds_hold",
        "spend_not_found",
        "purchase_not_found",
        "already_refunded",
        "amount_out_of_range",
        "ttl_out_of_range",
    ];
    let kinds = EntryKind::ALL.map(EntryKind::as_str);
    for name in refusals.iter().chain(&kinds) {
        // Rare: needs a refunded pack whose tokens were spent or held before and returned after. The scenario tests
        // cover it.
        let enough = if *name == EntryKind::DebtPaid.as_str() { 1 } else { 5 };
        assert!(seen.get(*name).is_some_and(|count| *count >= enough), "{name}: {seen:?}");
    }
}
