//! The plan follows the subscription: up at once, down at the next reset, and its months are the organization's.

use super::{draft::Draft, license, plan};
use crate::{
    billing::subscription::{Subscription, SubscriptionSnapshot},
    command::Caller,
    ids::GrantId,
    ledger::{grant::Source, outcome::Effect},
};

/// Takes in how Stripe says the subscription stands; a reading that is older than the last one changes nothing.
pub(super) fn follow(draft: &mut Draft<'_>, snapshot: &SubscriptionSnapshot) -> Effect {
    let known = draft.subscription().cloned();
    if known.as_ref().is_some_and(|known| known.number >= snapshot.number) {
        return Effect::SubscriptionSynced;
    }
    draft.changes.subscription = Some(snapshot.after(known.as_ref()));
    let ran = known.and_then(|known| known.live);
    if draft.terms().closed_at.is_none() {
        match &snapshot.live {
            // It ends with a month, and that may be over here before Stripe has ended it.
            Some(subscription) if subscription.ends && ran.as_ref() == Some(subscription) => {}
            Some(subscription) => go_on(draft, subscription),
            // A plan that nobody pays for through Stripe is not Stripe's to end.
            None if ran.is_some() => end(draft),
            None => {}
        }
    }
    license::judge(draft);
    Effect::SubscriptionSynced
}

fn go_on(draft: &mut Draft<'_>, subscription: &Subscription) {
    let Subscription { plan, anchor, ends, .. } = subscription;
    if draft.terms().anchor != *anchor {
        let started = draft.terms().period_start;
        draft.terms_mut().anchor = *anchor;
        // Only a newer month brings an allowance: to and fro between two subscriptions gains nothing.
        if started.is_none_or(|start| anchor.period_at(draft.cx.now).start > start) {
            end_month(draft);
            let terms = draft.terms_mut();
            (terms.plan, terms.next_plan) = (plan.clone(), None);
            draft.reset();
        } else {
            let end = draft.period().end;
            for id in allowances(draft) {
                draft.change_grant(id, |grant| grant.expires_at = Some(end));
            }
        }
    }
    plan::go_to(draft, Caller::System, plan);
    if *ends {
        draft.terms_mut().next_plan = draft.cx.catalog.plans.first().map(|free| free.name.clone());
    }
}

/// Nothing is paid for any more. What is left of the month's allowance lapses with the month; the free plan spends none of it.
fn end(draft: &mut Draft<'_>) {
    let free = draft.cx.catalog.plans.first().map(|free| free.name.clone());
    let terms = draft.terms_mut();
    terms.next_plan = None;
    terms.plan = free.unwrap_or_else(|| terms.plan.clone());
}

/// The month ends now, and what is free of its allowances with it.
fn end_month(draft: &mut Draft<'_>) {
    let now = draft.cx.now;
    for id in allowances(draft) {
        draft.change_grant(id, |grant| grant.expires_at = Some(now));
        if draft.grant(id).is_some_and(|grant| !grant.free().is_zero()) {
            draft.expire_grant(id);
        }
    }
}

/// The allowances of the running month.
fn allowances(draft: &Draft<'_>) -> Vec<GrantId> {
    let start = draft.terms().period_start;
    let running = draft.grants().filter(|grant| grant.source == Source::Plan && grant.period_start == start);
    running.map(|grant| grant.id).collect()
}
