//! Subscriptions in JSON: the fields that we use, as of API version 2026-09-30.endive.

use serde_json::{Value, json};

use super::{
    billing_records::{Item, PendingUpdate, Subscription},
    objects::{list, price},
};

pub(super) fn subscription(it: &Subscription) -> Value {
    let cancels = it.cancel_requested_at.is_some();
    let items = it.items.iter().map(|item| subscription_item(item, it)).collect();
    json!({
        "id": it.id,
        "object": "subscription",
        "automatic_tax": { "enabled": it.is_taxed },
        "billing_cycle_anchor": it.anchor,
        "cancel_at": cancels.then_some(it.period.end),
        "cancel_at_period_end": cancels,
        "canceled_at": it.cancel_requested_at.or(it.ended_at()),
        "collection_method": collection_method(it.days_until_due.is_some()),
        "created": it.created,
        "currency": it.currency(),
        "customer": it.customer,
        "days_until_due": it.days_until_due,
        "discounts": it.discount.iter().map(|discount| &discount.id).collect::<Vec<_>>(),
        "ended_at": it.ended_at(),
        "items": list(&format!("/v1/subscription_items?subscription={}", it.id), false, items),
        "latest_invoice": it.latest_invoice,
        "livemode": false,
        "metadata": it.metadata,
        "pause_collection": it.pause.map(|pause| {
            json!({ "behavior": pause.behavior.name(), "resumes_at": pause.resumes_at })
        }),
        "pending_update": it.pending_update.as_ref().map(|update| pending_update(update, it)),
        "schedule": it.schedule,
        "start_date": it.created,
        "status": it.status.name(),
        "trial_end": it.trial.map(|trial| trial.end),
        "trial_start": it.trial.map(|trial| trial.start),
    })
}

/// A pending update: the items that would change.
fn pending_update(update: &PendingUpdate, of: &Subscription) -> Value {
    let changed = update.change.items.iter().filter(|item| !of.items.contains(item));
    json!({
        "billing_cycle_anchor": update.change.ends_trial.then_some(update.change.at),
        "expires_at": update.expires_at,
        "subscription_items": changed.map(|item| subscription_item(item, of)).collect::<Vec<_>>(),
        "trial_end": update.change.ends_trial.then_some(update.change.at),
        "trial_from_plan": null,
    })
}

fn subscription_item(item: &Item, of: &Subscription) -> Value {
    let mut object = json!({
        "id": item.id,
        "object": "subscription_item",
        "created": item.created,
        "current_period_end": of.period.end,
        "current_period_start": of.period.start,
        "metadata": {},
        "price": price(&item.price),
        "subscription": of.id,
    });
    // As at Stripe, metered items have no quantity.
    if !item.price.metered {
        object["quantity"] = item.quantity.into();
    }
    object
}

pub(super) fn collection_method(is_mailed: bool) -> &'static str {
    if is_mailed { "send_invoice" } else { "charge_automatically" }
}
