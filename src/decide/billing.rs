//! Billing facts: the plan, the billing period, the allowance and the license follow the subscriptions and invoices at
//! Stripe. All conclusions come from [`assess`].

use super::draft::Draft;
use crate::{
    billing::{
        invoices::Invoices,
        standing::{InForce, assess},
        subscription::{Subscription, SubscriptionSnapshot, Subscriptions},
    },
    command::Caller,
    ledger::outcome::Effect,
};

/// Records invoice facts.
pub(super) fn record_invoices(draft: &mut Draft<'_>, facts: &Invoices) -> Effect {
    record(draft, draft.subscriptions().clone(), facts);
    Effect::InvoicesRecorded
}

/// Records a subscription snapshot, earlier states of subscriptions, and invoice facts.
pub(super) fn sync_subscriptions(
    draft: &mut Draft<'_>,
    snapshot: &SubscriptionSnapshot,
    reported: &[Subscription],
    invoices: &Invoices,
) -> Effect {
    let mut subscriptions = draft.subscriptions().clone();
    subscriptions.record(snapshot, reported);
    record(draft, subscriptions, invoices);
    Effect::SubscriptionsSynced
}

/// Records the facts and applies what follows from all of them, numbering the receipts of paid invoices. The result
/// depends only on the facts and the time, not on the order of arrival.
fn record(draft: &mut Draft<'_>, mut subscriptions: Subscriptions, facts: &Invoices) {
    let mut invoices = draft.invoices().clone();
    invoices.join(facts);
    let (now, catalog) = (draft.cx.now, draft.cx.catalog);
    let known = subscriptions.clone();
    let never_synced = known.number == 0;
    invoices.number_receipts(draft.next_receipt_number(), |id| never_synced || known.by_id.contains_key(id));
    let standing = assess(&known, &invoices, catalog, now);
    subscriptions.ended_at = standing.ended_at;
    subscriptions.in_force = standing.in_force.as_ref().map(|it| it.subscription.id.clone());
    draft.changes.subscriptions = (subscriptions != *draft.subscriptions()).then_some(subscriptions);
    draft.changes.invoices = (invoices != *draft.invoices()).then(|| invoices.clone());
    draft.set_overdue(standing.overdue_since);
    if draft.terms().closed_at.is_none() {
        match &standing.in_force {
            Some(in_force) => follow(draft, in_force),
            // A plan that was never paid through Stripe does not end with Stripe's subscription.
            None if known.in_force.is_some() => end_plan(draft),
            None => {}
        }
    }
    draft.update_license(&standing);
}

fn follow(draft: &mut Draft<'_>, in_force: &InForce<'_>) {
    let InForce { subscription, line, plan, next, allowance_until, returned } = in_force;
    let started = draft.terms().period_start;
    let plan = plan.map_or_else(|| draft.terms().plan.clone(), |plan| plan.name.clone());
    let terms = draft.terms_mut();
    (terms.plan, terms.next_plan, terms.allowance_until) = (plan, next.clone(), *allowance_until);
    if terms.anchor != subscription.anchor {
        terms.anchor = subscription.anchor;
        // Only a newer period grants an allowance, so switching between two subscriptions gains nothing.
        if started.is_none_or(|start| subscription.anchor.period_at(draft.cx.now).start > start) {
            draft.end_period();
            draft.reset();
        } else {
            draft.move_expiry();
        }
    }
    draft.raise_allowances(Caller::System, *returned);
    if !returned.is_zero() {
        draft.lower_allowances(*returned, "its payment was refunded or is disputed");
    } else if draft.terms().period_start.is_some_and(|start| line.start >= start) {
        // The period may have started on what was last known, before Stripe reported what it renewed as.
        draft.lower_allowances(*returned, "the month renewed as a smaller plan");
    }
}

/// Moves to the free plan. The remaining allowance expires at the end of the period; the free plan cannot spend it.
fn end_plan(draft: &mut Draft<'_>) {
    let free = draft.cx.catalog.free_plan().map(|free| free.name.clone());
    let terms = draft.terms_mut();
    (terms.next_plan, terms.allowance_until) = (None, None);
    terms.plan = free.unwrap_or_else(|| terms.plan.clone());
}
