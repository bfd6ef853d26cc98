//! Updates of subscriptions, and previews of an update's invoice.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    expand::{Expand, LATEST_INVOICE},
    items::Place,
};
use crate::demo::stripe_sandbox::{
    billing_records::{BillingReason, Subscription, SubscriptionStatus},
    changes::total,
    collection::{Card, Collection},
    error::ApiError,
    invoice_objects,
    params::{Params, boolean, required},
    state::State,
    subscription_objects,
};

/// The subscription parameters that can't be part of a pending update.
const NEVER_PENDING: [&str; 2] = ["cancel_at_period_end", "metadata"];

/// The effect of an update whose payment fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IfUnpaid {
    /// It applies, and the subscription becomes past due.
    Apply,
    /// It fails.
    Fail,
    /// It waits until the invoice is paid.
    Wait,
}

/// Updates a subscription. All checks, including the card's, come before the first change.
pub(super) fn update(state: &mut State, id: &str, mut params: Params, now: i64) -> Result<Value, ApiError> {
    let mut it =
        require_running(state.subscriptions.get(id).ok_or_else(|| ApiError::missing("id", "subscription", id))?)?
            .clone();
    let expand = Expand::take(&mut params, &[LATEST_INVOICE])?;
    let behavior = payment_behavior(&mut params)?;
    let change = Place::Top.take(&mut params, state, &it, now)?;
    let cancels =
        params.take("cancel_at_period_end").map(|value| boolean("cancel_at_period_end", &value)).transpose()?;
    let metadata = params.take_map("metadata");
    params.finish()?;
    if let Some(schedule) = it.schedule.as_ref().filter(|_| cancels.is_some()) {
        let message = format!(
            "The subscription is managed by the subscription schedule `{schedule}`, and updating any cancelation \
             behavior directly is not allowed. Please update the schedule instead."
        );
        return Err(ApiError::invalid(message));
    }

    let lines = change.as_ref().map(|change| change.lines(&it, now)).unwrap_or_default();
    let is_due = total(&lines) > 0;
    let collection = state.collection(&it, it.totals(&lines).due_cents());
    if it.status == SubscriptionStatus::Paused && change.is_some() {
        return Err(ApiError::invalid("This subscription is paused; resume it first."));
    }
    match (collection, behavior) {
        (Collection::Card(Card::None), _) => return Err(ApiError::no_card()),
        (Collection::Card(Card::Declined), IfUnpaid::Fail) => {
            return Err(ApiError::card_declined());
        }
        (Collection::Card(Card::NeedsConfirmation), IfUnpaid::Fail) => {
            return Err(ApiError::needs_confirmation());
        }
        (Collection::Mailed(_), IfUnpaid::Wait) => {
            return Err(ApiError::invalid("`pending_if_incomplete` can't be used with `send_invoice`."));
        }
        _ => {}
    }
    match (change, behavior) {
        (Some(change), IfUnpaid::Wait) if collection.fails() => {
            state.hold_update(id, change, lines, now);
        }
        (change, _) => {
            if change.is_some() {
                state.discard_update(id, now);
                it.pending_update = None;
            }
            configure(&mut it, cancels, metadata, now);
            if let Some(change) = change {
                change.apply(&mut it, now);
            }
            let invoice = is_due.then(|| state.issue(&mut it, BillingReason::Update, lines, now));
            state.subscriptions.insert(id.to_owned(), it);
            if let Some(invoice) = invoice.as_ref().filter(|_| collection.fails()) {
                state.collect(invoice, now);
            }
            state.emit_subscription("customer.subscription.updated", id, now);
            if let Some(invoice) = invoice.filter(|_| !collection.fails()) {
                state.collect(&invoice, now);
            }
        }
    }
    let it = state.subscriptions.get(id).ok_or_else(|| ApiError::missing("id", "subscription", id))?;
    Ok(expand.subscription(state, it))
}

fn payment_behavior(params: &mut Params) -> Result<IfUnpaid, ApiError> {
    const NAME: &str = "payment_behavior";
    match params.take(NAME).as_deref() {
        None | Some("allow_incomplete") => Ok(IfUnpaid::Apply),
        Some("error_if_incomplete") => Ok(IfUnpaid::Fail),
        Some("pending_if_incomplete") => match NEVER_PENDING.iter().find(|name| params.contains(name)) {
            None => Ok(IfUnpaid::Wait),
            Some(name) => {
                let message = format!("You can't update `{name}` when `{NAME}` is `pending_if_incomplete`.");
                Err(ApiError::invalid(message))
            }
        },
        Some(_) => Err(ApiError::choices(NAME, "allow_incomplete, error_if_incomplete or pending_if_incomplete")),
    }
}

/// Changes what doesn't cost anything.
fn configure(it: &mut Subscription, cancels: Option<bool>, metadata: BTreeMap<String, String>, now: i64) {
    match cancels {
        None => {}
        Some(true) => it.cancel_requested_at = it.cancel_requested_at.or(Some(now)),
        Some(false) => it.cancel_requested_at = None,
    }
    for (name, value) in metadata {
        // As at Stripe, an empty value removes the entry.
        if value.is_empty() {
            it.metadata.remove(&name);
        } else {
            it.metadata.insert(name, value);
        }
    }
}

/// Previews the invoice of an update.
pub(super) fn preview(state: &mut State, mut params: Params, now: i64) -> Result<Value, ApiError> {
    let [customer, subscription] = ["customer", "subscription"].map(|param| params.take(param));
    state.check_customer(customer.as_deref())?;
    let id = required("subscription", subscription)?;
    let it = state.subscriptions.get(&id).ok_or_else(|| ApiError::missing("subscription", "subscription", &id))?;
    let it = require_running(it)?;
    if customer.is_some_and(|customer| customer != it.customer) {
        return Err(ApiError::param("customer", "parameter_invalid", "The subscription belongs to another customer."));
    }
    let change = Place::Within("subscription_details").take(&mut params, state, it, now)?;
    params.finish()?;
    let lines = change.map(|change| change.lines(it, now)).unwrap_or_default();
    Ok(invoice_objects::preview(it, &lines, now))
}

/// Resumes a paused subscription.
pub(super) fn resume(state: &mut State, id: &str, mut params: Params, now: i64) -> Result<Value, ApiError> {
    const ANCHOR: &str = "billing_cycle_anchor";
    let restarts = match params.take(ANCHOR).as_deref() {
        None | Some("now") => true,
        Some("unchanged") => false,
        Some(_) => return Err(ApiError::choices(ANCHOR, "now or unchanged")),
    };
    let expand = Expand::take(&mut params, &[LATEST_INVOICE])?;
    params.finish()?;
    state.resume(id, restarts, now)?;
    let it = state.subscriptions.get(id).ok_or_else(|| ApiError::missing("id", "subscription", id))?;
    Ok(expand.subscription(state, it))
}

/// Cancels a subscription immediately.
pub(super) fn cancel(state: &mut State, id: &str, params: Params, now: i64) -> Result<Value, ApiError> {
    params.finish()?;
    let missing = || ApiError::missing("id", "subscription", id);
    require_running(state.subscriptions.get(id).ok_or_else(missing)?)?;
    state.cancel(id, now).map_err(|error| ApiError::invalid(error.to_string()))?;
    state.subscriptions.get(id).map(subscription_objects::subscription).ok_or_else(missing)
}

fn require_running(it: &Subscription) -> Result<&Subscription, ApiError> {
    if it.is_live() || it.status == SubscriptionStatus::Paused {
        return Ok(it);
    }
    Err(ApiError::invalid(format!("This subscription is {} and can't be changed.", it.status.name())))
}

#[cfg(test)]
mod tests;
