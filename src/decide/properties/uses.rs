//! Spends and holds: the grants they burn, and the refusals of their callers.

use std::cmp::Ordering;

use super::history::{self, History, at_every_step};
use crate::{
    access::refusal::Refusal,
    billing::license::Restriction,
    command::Command,
    decide::{Context, decide, entitlement, tests::world},
    ledger::{
        account::Account,
        grant::{Grant, GrantPart, Source},
        outcome::Effect,
    },
    time::Instant,
};

/// The account of a step after everything due is booked, as the command finds it.
fn advanced(history: &History, step: &history::Step) -> Account {
    let mut account = step.before.clone();
    let decision = decide(&account, &Command::Advance, &step.cx(history)).unwrap();
    account.apply(&decision.changes);
    account
}

/// A reference implementation of the burn-down order: takes one token at a time from the first grant.
fn burn_token_by_token(grants: &[&Grant], mut needed: i64) -> Vec<GrantPart> {
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
    let mut parts: Vec<GrantPart> = Vec::new();
    while needed > 0 {
        let first = free.iter_mut().filter(|(_, left)| *left > 0).min_by(|a, b| earlier(a.0, b.0)).unwrap();
        first.1 -= 1;
        needed -= 1;
        match parts.last_mut() {
            Some(part) if part.grant == first.0.id => part.amount = world::tokens(part.amount.get() + 1),
            _ => parts.push(GrantPart { grant: first.0.id, amount: world::tokens(1) }),
        }
    }
    parts
}

#[test]
fn a_use_burns_in_burn_down_order_and_insufficient_tokens_are_really_insufficient() {
    at_every_step(|history, step| {
        let (Command::Spend(usage) | Command::OpenHold { usage, .. }) = &step.command else { return };
        let account = advanced(history, step);
        let feature = history.world.catalog.feature(&usage.feature).unwrap();
        let off = account.terms.license.restriction(&history.world.catalog.ladder, step.now);
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
fn a_check_has_the_same_result_as_the_spend() {
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
fn a_retry_at_the_reported_instant_passes_the_rate_or_interval() {
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
        assert_ne!(again(*until), refusal.code(), "at the reported instant");
    });
}
