//! Plan changes: up at once, down at the next reset; going to and fro gains nothing.

use std::cmp::Ordering;

use super::{
    draft::{Draft, Line},
    grants::{self, NewGrant},
};
use crate::{
    access::refusal::Refusal,
    command::Caller,
    ledger::{
        account::Balance,
        entry::EntryKind,
        grant::{Grant, Part, Source},
        outcome::Effect,
        tokens::Tokens,
    },
    names::{PlanName, TokenType},
    time::Instant,
};

pub(super) fn change(draft: &mut Draft<'_>, caller: Caller, plan: &PlanName) -> Result<Effect, Refusal> {
    draft.check_open()?;
    if draft.cx.catalog.plan(plan).is_none() {
        return Err(Refusal::UnknownPlan { plan: plan.clone() });
    }
    if *plan == draft.terms().plan && draft.terms().next_plan.is_none() {
        return Err(Refusal::PlanUnchanged { plan: plan.clone() });
    }
    let from = go_to(draft, caller, plan);
    Ok(Effect::PlanChanged { plan: plan.clone(), from })
}

/// To a larger plan at once, to a smaller one at the next reset; to the present one, to stay on it. Answers from when it counts.
pub(super) fn go_to(draft: &mut Draft<'_>, caller: Caller, plan: &PlanName) -> Instant {
    let catalog = draft.cx.catalog;
    match catalog.plan_rank(plan).cmp(&catalog.plan_rank(&draft.terms().plan)) {
        Ordering::Greater => {
            let terms = draft.terms_mut();
            (terms.plan, terms.next_plan) = (plan.clone(), None);
            for spec in &catalog.token_types {
                let allowance = catalog.plan(plan).map_or(Tokens::ZERO, |plan| plan.allowance_of(&spec.name));
                raise_allowance(draft, caller, &spec.name, allowance);
            }
            draft.cx.now
        }
        Ordering::Equal => {
            if draft.terms().next_plan.is_some() {
                draft.terms_mut().next_plan = None;
            }
            draft.cx.now
        }
        Ordering::Less => {
            draft.terms_mut().next_plan = Some(plan.clone());
            draft.period().end
        }
    }
}

/// The allowance of the running period becomes `allowance` less what the period has used already.
fn raise_allowance(draft: &mut Draft<'_>, caller: Caller, token_type: &TokenType, allowance: Tokens) {
    let start = draft.terms().period_start;
    let current =
        |grant: &&Grant| grant.source == Source::Plan && grant.token_type == *token_type && grant.period_start == start;
    let Some(grant) = draft.grants().find(current).cloned() else {
        if !allowance.is_zero() {
            let new =
                NewGrant { token_type, amount: allowance, source: Source::Plan, expires_at: Some(draft.period().end) };
            grants::make(draft, new, Line::new(EntryKind::PlanChanged, caller, &[]));
        }
        return;
    };
    let before = draft.balance(token_type);
    let gained = allowance.saturating_sub(grant.amount).min(before.room());
    if gained.is_zero() {
        return;
    }
    draft.change_grant(grant.id, |grant| {
        grant.amount = allowance;
        grant.remaining = grant.remaining.saturating_add(gained);
    });
    let after = Balance { settled: before.settled.saturating_add(gained), ..before };
    let parts = [Part { grant: grant.id, amount: gained }];
    let line = Line { source: Some(Source::Plan), ..Line::new(EntryKind::PlanChanged, caller, &parts) };
    draft.append(token_type, after, line);
}
