//! Plan changes: an upgrade takes effect immediately, a downgrade at the next reset. Switching back and forth gains
//! nothing.

use std::cmp::Ordering;

use super::draft::Draft;
use crate::{
    access::refusal::Refusal,
    billing::{returns::ReturnedShare, standing::NextPlan},
    command::Caller,
    ledger::outcome::Effect,
    names::PlanName,
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
fn switch_to(draft: &mut Draft<'_>, caller: Caller, plan: &PlanName) -> Instant {
    let catalog = draft.cx.catalog;
    match catalog.plan_rank(plan).cmp(&catalog.plan_rank(&draft.terms().plan)) {
        Ordering::Greater => {
            let terms = draft.terms_mut();
            (terms.plan, terms.next_plan) = (plan.clone(), None);
            draft.raise_allowances(caller, ReturnedShare::default());
            draft.cx.now
        }
        Ordering::Equal => {
            if draft.terms().next_plan.is_some() {
                draft.terms_mut().next_plan = None;
            }
            draft.cx.now
        }
        Ordering::Less => {
            let from = draft.period().end;
            draft.terms_mut().next_plan = Some(NextPlan { plan: plan.clone(), from });
            from
        }
    }
}
