//! Plan changes: an upgrade takes effect immediately, a downgrade at the next reset. Switching back and forth gains
//! nothing.

use std::cmp::Ordering;

use super::{
    draft::{Draft, EntryDetails},
    grants::{self, NewGrant},
};
use crate::{
    access::refusal::Refusal,
    command::Caller,
    ledger::{
        balance::Balance,
        entry::EntryKind,
        grant::{Grant, GrantPart, Source},
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
    let from = switch_to(draft, caller, plan);
    Ok(Effect::PlanChanged { plan: plan.clone(), from })
}

/// Switches to a larger plan immediately or to a smaller one at the next reset. The current plan withdraws a planned
/// downgrade. Returns when the switch takes effect.
pub(super) fn switch_to(draft: &mut Draft<'_>, caller: Caller, plan: &PlanName) -> Instant {
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

/// Raises the allowance of the current period to `allowance`, less what the period has already used.
fn raise_allowance(draft: &mut Draft<'_>, caller: Caller, token_type: &TokenType, allowance: Tokens) {
    let start = draft.terms().period_start;
    let current =
        |grant: &&Grant| grant.source == Source::Plan && grant.token_type == *token_type && grant.period_start == start;
    let Some(grant) = draft.grants().find(current).cloned() else {
        if !allowance.is_zero() {
            let new =
                NewGrant { token_type, amount: allowance, source: Source::Plan, expires_at: Some(draft.period().end) };
            grants::create(draft, new, EntryDetails::new(EntryKind::PlanChanged, caller, &[]));
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
        grant.remaining = grant.remaining.plus(gained);
    });
    let after = Balance { settled: before.settled.plus(gained), ..before };
    let parts = [GrantPart { grant: grant.id, amount: gained }];
    let details =
        EntryDetails { source: Some(Source::Plan), ..EntryDetails::new(EntryKind::PlanChanged, caller, &parts) };
    draft.append(token_type, after, details);
}
