//! Subscription sync: the plan, the billing period and the license follow Stripe's subscription.

use super::{draft::Draft, license, plan};
use crate::{
    billing::subscription::{Subscription, SubscriptionSnapshot},
    command::Caller,
    ids::GrantId,
    ledger::{grant::Source, outcome::Effect},
};

/// Applies a subscription snapshot. A stale one changes nothing.
pub(super) fn sync_subscription(draft: &mut Draft<'_>, snapshot: &SubscriptionSnapshot) -> Effect {
    let known = draft.subscription().cloned();
    if known.as_ref().is_some_and(|known| known.number >= snapshot.number) {
        return Effect::SubscriptionSynced;
    }
    draft.changes.subscription = Some(snapshot.applied_after(known.as_ref()));
    let previous = known.and_then(|known| known.live);
    if draft.terms().closed_at.is_none() {
        match &snapshot.live {
            // A subscription set to end may be past its period here before Stripe has ended it.
            Some(subscription) if subscription.ends && previous.as_ref() == Some(subscription) => {}
            Some(subscription) => apply_live(draft, subscription),
            // A plan that was never paid through Stripe does not end with Stripe's subscription.
            None if previous.is_some() => end_paid_plan(draft),
            None => {}
        }
    }
    license::update(draft);
    Effect::SubscriptionSynced
}

fn apply_live(draft: &mut Draft<'_>, subscription: &Subscription) {
    let Subscription { plan, anchor, ends, .. } = subscription;
    if draft.terms().anchor != *anchor {
        let started = draft.terms().period_start;
        draft.terms_mut().anchor = *anchor;
        // Only a newer period grants an allowance, so switching between two subscriptions gains nothing.
        if started.is_none_or(|start| anchor.period_at(draft.cx.now).start > start) {
            end_period(draft);
            let terms = draft.terms_mut();
            (terms.plan, terms.next_plan) = (plan.clone(), None);
            draft.reset();
        } else {
            let end = draft.period().end;
            for id in current_allowances(draft) {
                draft.change_grant(id, |grant| grant.expires_at = Some(end));
            }
        }
    }
    plan::switch_to(draft, Caller::System, plan);
    if *ends {
        draft.terms_mut().next_plan = draft.cx.catalog.plans.first().map(|free| free.name.clone());
    }
}

/// Moves to the free plan. The remaining allowance expires at the end of the period; the free plan cannot spend it.
fn end_paid_plan(draft: &mut Draft<'_>) {
    let free = draft.cx.catalog.plans.first().map(|free| free.name.clone());
    let terms = draft.terms_mut();
    terms.next_plan = None;
    terms.plan = free.unwrap_or_else(|| terms.plan.clone());
}

/// Ends the current period now and expires the free tokens of its allowances.
fn end_period(draft: &mut Draft<'_>) {
    let now = draft.cx.now;
    for id in current_allowances(draft) {
        draft.change_grant(id, |grant| grant.expires_at = Some(now));
        if draft.grant(id).is_some_and(|grant| !grant.free().is_zero()) {
            draft.expire_grant(id);
        }
    }
}

/// Returns the allowances of the current period.
fn current_allowances(draft: &Draft<'_>) -> Vec<GrantId> {
    let start = draft.terms().period_start;
    let current = draft.grants().filter(|grant| grant.source == Source::Plan && grant.period_start == start);
    current.map(|grant| grant.id).collect()
}
