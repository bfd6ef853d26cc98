//! What holds after every command of any history.

mod history;
mod storage;

use std::{cmp::Ordering, collections::BTreeMap};

use chrono::TimeDelta;
use proptest::prelude::*;

use self::history::{History, always, at_every_step, check, events};
use super::{after_refusal, decide, is_due, tests::world};
use crate::{
    account::{Account, Balance},
    audit::{self, LogAudit},
    command::Command,
    entitlement,
    entry::EntryKind,
    grant::{Grant, Part, Source},
    hold::HoldState,
    ids::HoldId,
    license::{License, Off},
    names::TokenType,
    receipt::Outcome,
    refusal::Refusal,
    time::Instant,
    tokens::Tokens,
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
            log.follow(entry, *hash).unwrap();
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
fn the_same_question_has_the_same_answer() {
    at_every_step(|history, step| {
        assert_eq!(decide(&step.before, &step.command, &step.cx(history)), step.result);
    });
}

#[test]
fn a_hold_ends_once_and_takes_at_most_what_it_held() {
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
fn nothing_that_has_lapsed_is_left_after_a_command() {
    at_every_step(|history, step| {
        if step.result.is_ok() {
            assert!(!is_due(&step.after, &step.cx(history)), "{:?} left something to book", step.command);
        }
    });
}

#[test]
fn an_account_is_due_exactly_when_it_says_so() {
    at_every_step(|history, step| {
        let due_at = step.before.due_at();
        let says = due_at.is_some_and(|at| at <= step.now);
        assert_eq!(is_due(&step.before, &step.cx(history)), says, "due at {due_at:?}, asked at {}", step.now);
    });
}

/// The account once what time has brought is booked, as the command under the same context finds it.
fn advanced(history: &History, step: &history::Step) -> Account {
    let mut account = step.before.clone();
    let decision = decide(&account, &Command::Advance, &step.cx(history)).unwrap();
    account.apply(&decision.changes);
    account
}

/// Takes one token after the other from whichever grant comes first by the words of the specification.
fn burn_token_by_token(grants: &[&Grant], mut needed: i64) -> Vec<Part> {
    let rank = |source| match source {
        Source::Plan => 1,
        Source::Promo => 2,
        Source::Refund => 3,
        Source::Pack => 4,
        Source::Admin => 5,
    };
    let earlier = |a: &Grant, b: &Grant| {
        let expiry = match (a.expires_at, b.expires_at) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        expiry.then(rank(a.source).cmp(&rank(b.source))).then(a.created_at.cmp(&b.created_at)).then(a.id.cmp(&b.id))
    };
    let mut free: Vec<(&Grant, i64)> = grants.iter().map(|grant| (*grant, grant.free().get())).collect();
    let mut parts: Vec<Part> = Vec::new();
    while needed > 0 {
        let first = free.iter_mut().filter(|(_, left)| *left > 0).min_by(|a, b| earlier(a.0, b.0)).unwrap();
        first.1 -= 1;
        needed -= 1;
        match parts.last_mut() {
            Some(part) if part.grant == first.0.id => part.amount = world::tokens(part.amount.get() + 1),
            _ => parts.push(Part { grant: first.0.id, amount: world::tokens(1) }),
        }
    }
    parts
}

#[test]
fn a_spend_or_hold_burns_in_burn_down_order_and_is_refused_only_for_want_of_tokens() {
    at_every_step(|history, step| {
        let (Command::Spend(usage) | Command::OpenHold { r#use: usage, .. }) = &step.command else { return };
        let account = advanced(history, step);
        let feature = history.world.catalog.feature(&usage.feature).unwrap();
        let off = account.terms.license.off(&history.world.catalog.ladder, step.now);
        let usable = |grant: &&Grant| {
            grant.token_type == feature.token_type
                && grant.expires_at.is_none_or(|at| at > step.now)
                && !(grant.source == Source::Plan && off == Off::Allowance)
        };
        let grants: Vec<&Grant> = account.grants.values().filter(usable).collect();
        let cost = feature.cost.get() * i64::from(usage.quantity.get());
        let available: i64 = grants.iter().map(|grant| grant.free().get()).sum();
        match &step.result {
            Ok(decision) => {
                let (entry, _) = decision.entries.last().unwrap();
                assert_eq!(entry.parts, burn_token_by_token(&grants, cost));
            }
            Err(Refusal::InsufficientTokens { needed, available: told, .. }) => {
                assert!(available < cost);
                assert_eq!((needed.get(), told.get()), (cost, available));
            }
            Err(_) => {}
        }
    });
}

#[test]
fn a_check_answers_what_the_spend_is_answered() {
    at_every_step(|history, step| {
        let Command::Spend(usage) = &step.command else { return };
        match (entitlement::check(&step.before, usage, &step.cx(history)), &step.result) {
            (Ok(quote), Ok(decision)) => {
                let Outcome::Spent { parts, amount, token_type, balance } = &decision.receipt.outcome else {
                    panic!("{decision:?}")
                };
                assert_eq!((&quote.parts, &quote.cost, &quote.token_type), (parts, amount, token_type));
                assert_eq!(quote.available_after, balance.available());
            }
            (checked, spent) => assert_eq!(checked.as_ref().err(), spent.as_ref().err()),
        }
    });
}

#[test]
fn who_is_refused_for_asking_too_often_is_told_when_the_next_try_passes() {
    at_every_step(|history, step| {
        let (Command::Spend(usage) | Command::OpenHold { r#use: usage, .. }) = &step.command else { return };
        let Err(refusal @ (Refusal::RateLimited { until, .. } | Refusal::TooFrequent { until, .. })) = &step.result
        else {
            return;
        };
        assert!(*until > step.now, "{refusal:?} at {}", step.now);
        let again = |now: Instant| {
            let cx = super::Context { now, ..step.cx(history) };
            entitlement::check(&step.after, usage, &cx).map_or_else(|refusal| refusal.code(), |_| "ok")
        };
        assert_ne!(again(*until), refusal.code(), "at the instant that it was told");
    });
}

#[test]
fn a_loaded_part_of_the_account_decides_as_the_whole() {
    at_every_step(|history, step| {
        let part = storage::load(&step.before, &[&step.command], step.now);
        let cx = step.cx(history);
        assert_eq!(decide(&part, &step.command, &cx), step.result, "{:?}", step.command);
        if let Err(refusal) = &step.result {
            let guard = |account| after_refusal(account, &step.command, refusal, &cx);
            assert_eq!(guard(&part), guard(&step.before));
        }
        if let Command::Spend(usage) = &step.command {
            assert_eq!(entitlement::check(&part, usage, &cx), entitlement::check(&step.before, usage, &cx));
        }
    });
}

/// Steps that one transaction can decide on: nothing else changed the account between them, and no spend is refunded in the
/// transaction that made it, as nobody knows its id before the answer.
fn batches(history: &History, size: usize) -> Vec<&[history::Step]> {
    let mut batches = Vec::new();
    let mut rest = history.steps.as_slice();
    while !rest.is_empty() {
        let stops = |step: &history::Step| {
            let refunds_within =
                storage::named_spend(&step.command).is_some_and(|spend| !rest[0].before.spends.contains_key(&spend));
            step.interrupted || refunds_within
        };
        let end = rest.iter().take(size).skip(1).position(stops).map_or(size.min(rest.len()), |index| index + 1);
        let (batch, others) = rest.split_at(end);
        batches.push(batch);
        rest = others;
    }
    batches
}

#[test]
fn a_batch_decides_as_its_commands_one_by_one() {
    check((events(), 1_usize..12), |(events, size)| {
        let history = History::play(&events);
        for batch in batches(&history, size) {
            let commands: Vec<&Command> = batch.iter().map(|step| &step.command).collect();
            let latest = batch.iter().map(|step| step.now).max().unwrap();
            let mut account = storage::load(&batch[0].before, &commands, latest);
            for step in batch {
                let cx = step.cx(&history);
                let result = decide(&account, &step.command, &cx);
                assert_eq!(result, step.result, "{:?} in a batch of {}", step.command, batch.len());
                match result {
                    Ok(decision) => account.apply(&decision.changes),
                    Err(refusal) => {
                        account.guards.extend(after_refusal(&account, &step.command, &refusal, &cx));
                    }
                }
            }
            let whole = &batch[batch.len() - 1].after;
            assert_eq!((account.head, &account.terms), (whole.head, &whole.terms));
            assert_eq!(account.balances, whole.balances);
            assert!(account.grants.iter().all(|(id, grant)| whole.grants[id] == *grant));
            assert!(account.holds.iter().all(|(id, hold)| whole.holds[id] == *hold));
            assert!(account.guards.iter().all(|(id, guard)| whole.guards[id] == *guard));
        }
    });
}

#[test]
fn a_period_has_one_allowance_of_a_token_type_and_its_plan_bounds_it() {
    always(|history| {
        let mut seen = std::collections::BTreeSet::new();
        let largest = |token_type: &TokenType| {
            history.world.catalog.plans.iter().map(|plan| plan.allowance_of(token_type)).max().unwrap()
        };
        for grant in history.world.account.grants.values().filter(|grant| grant.source == Source::Plan) {
            assert!(seen.insert((grant.token_type.clone(), grant.period_start.unwrap())), "{grant:?} is a second one");
            assert!(grant.amount <= largest(&grant.token_type), "{grant:?}");
            let period = history.world.account.terms.anchor.period_at(grant.period_start.unwrap());
            assert_eq!((grant.period_start, grant.expires_at), (Some(period.start), Some(period.end)));
        }
    });
}

#[test]
fn packs_lose_tokens_to_nothing_but_use_and_correction() {
    always(|history| {
        let account = &history.world.account;
        for (entry, _) in history.entries.iter().filter(|(entry, _)| entry.kind == EntryKind::Expired) {
            for part in &entry.parts {
                let grant = &account.grants[&part.grant];
                assert!(grant.expires_at.is_some(), "{grant:?} never expires");
                assert!(grant.expires_at <= Some(entry.at), "{grant:?} lapsed early");
            }
        }
    });
}

/// After any history: an organization on Pro that pays, with some tokens that stay.
fn ready(events: &[(i64, history::Event)]) -> world::World {
    let mut world = History::play(events).world;
    world.account.terms.closed_at = None;
    world.account.terms.license = License::Active;
    world.advance();
    let needed = Command::ChangePlan { caller: world::STAFF, plan: "enterprise".parse().unwrap() };
    // Refused if it is on that plan already, which is as good.
    drop(world.run(needed));
    world.give(Source::Admin, 100, "");
    world
}

fn available(account: &Account) -> Tokens {
    account.balance(&world::ai()).available()
}

/// Of two equal worlds, one uses something now and takes it back after these pauses: it is not the poorer for it.
fn check_free_of_charge(begin: impl Fn(&mut world::World, u32) -> Command) {
    check((events(), 1_u32..20, prop::collection::vec(1_i64..3_000_000, 1..5)), |(events, quests, pauses)| {
        let mut without = ready(&events);
        let mut with = without.clone();
        let end = begin(&mut with, quests * 5);
        for seconds in pauses {
            for world in [&mut with, &mut without] {
                world.now += TimeDelta::seconds(seconds);
                world.advance();
            }
        }
        if let Err(refusal) = with.run(end) {
            assert_eq!(refusal, Refusal::HoldClosed { state: "expired".into() });
        }
        let (left, would_be) = (available(&with.account), available(&without.account));
        assert!(left >= would_be, "{left} are left, {would_be} would be");
    });
}

#[test]
fn a_job_that_fails_never_costs() {
    check_free_of_charge(|world, amount| {
        let receipt = world.run(world::open_hold(world::quests(world::STAFF, amount), Some(86_400))).unwrap();
        Command::Release { hold: HoldId(receipt.transaction.0), reason: "it failed".into() }
    });
}

#[test]
fn a_spend_that_is_refunded_never_costs() {
    check_free_of_charge(|world, amount| {
        let transaction = world.try_spend(world::STAFF, amount).unwrap().transaction;
        Command::Refund { caller: world::STAFF, transaction, reason: "it failed".into() }
    });
}

#[test]
fn cycling_through_plans_gains_nothing() {
    check((events(), prop::collection::vec(0_usize..3, 1..12)), |(events, cycle)| {
        let mut once = ready(&events);
        let mut cycled = once.clone();
        for plan in cycle {
            drop(cycled.change_plan(["starter", "pro", "enterprise"][plan]));
        }
        for world in [&mut once, &mut cycled] {
            drop(world.change_plan("enterprise"));
        }
        assert_eq!(cycled.account.balances, once.account.balances);
        assert_eq!(cycled.account.terms, once.account.terms);
    });
}

#[test]
fn balances_are_what_the_receipt_says() {
    always(|history| {
        for (step, decision) in history.applied() {
            let (token_type, told): (&TokenType, Balance) = match &decision.receipt.outcome {
                Outcome::Spent { token_type, balance, .. }
                | Outcome::HoldOpened { token_type, balance, .. }
                | Outcome::Captured { token_type, balance, .. }
                | Outcome::Released { token_type, balance, .. }
                | Outcome::Refunded { token_type, balance, .. }
                | Outcome::Granted { token_type, balance, .. }
                | Outcome::Adjusted { token_type, balance, .. } => (token_type, *balance),
                Outcome::PlanChanged { .. } | Outcome::Advanced => continue,
            };
            assert_eq!(told, step.after.balance(token_type), "{:?}", decision.receipt);
            assert_eq!(decision.receipt.seq, step.after.head.seq);
        }
    });
}

#[test]
fn the_histories_reach_every_kind_of_answer() {
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
        "hold_not_found",
        "hold_closed",
        "capture_exceeds_hold",
        "spend_not_found",
        "already_refunded",
        "amount_out_of_range",
        "ttl_out_of_range",
    ];
    let kinds = EntryKind::ALL.map(EntryKind::as_str);
    for name in refusals.iter().chain(&kinds) {
        assert!(seen.get(*name).is_some_and(|count| *count >= 5), "{name}: {seen:?}");
    }
}
