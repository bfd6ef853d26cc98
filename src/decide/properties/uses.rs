//! What a use burns, and what who asks is told.

use std::cmp::Ordering;

use super::history::{self, History, at_every_step};
use crate::{
    access::refusal::Refusal,
    billing::license::Restriction,
    command::Command,
    decide::{Context, decide, entitlement, tests::world},
    ledger::{
        account::Account,
        grant::{Grant, Part, Source},
        outcome::Effect,
    },
    time::Instant,
};

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
        let (Command::Spend(usage) | Command::OpenHold { usage, .. }) = &step.command else { return };
        let account = advanced(history, step);
        let feature = history.world.catalog.feature(&usage.feature).unwrap();
        let off = account.terms.license.off(&history.world.catalog.ladder, step.now);
        let usable = |grant: &&Grant| {
            grant.token_type == feature.token_type
                && grant.expires_at.is_none_or(|at| at > step.now)
                && !(grant.source == Source::Plan && off == Restriction::Allowance)
        };
        let grants: Vec<&Grant> = account.grants.values().filter(usable).collect();
        let cost = feature.cost.get() * i64::from(usage.quantity.get());
        let available: i64 = grants.iter().map(|grant| grant.free().get()).sum();
        match &step.result {
            Ok(decision) => {
                let (entry, _) = decision.entries.last().unwrap();
                assert_eq!(entry.parts, burn_token_by_token(&grants, cost));
            }
            Err(Refusal::InsufficientTokens { needed, available: facts, .. }) => {
                assert!(available < cost);
                assert_eq!((needed.get(), facts.get()), (cost, available));
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
                let Effect::Spent { parts, amount, token_type, balance } = &decision.outcome.effect else {
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
        let (Command::Spend(usage) | Command::OpenHold { usage, .. }) = &step.command else { return };
        let Err(refusal @ (Refusal::RateLimited { until, .. } | Refusal::TooFrequent { until, .. })) = &step.result
        else {
            return;
        };
        assert!(*until > step.now, "{refusal:?} at {}", step.now);
        let again = |now: Instant| {
            let cx = Context { now, ..step.cx(history) };
            entitlement::check(&step.after, usage, &cx).map_or_else(|refusal| refusal.code(), |_| "ok")
        };
        assert_ne!(again(*until), refusal.code(), "at the instant that it was told");
    });
}
