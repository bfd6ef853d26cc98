//! Subscriptions and invoices in JSON: the fields that we use, as of API version 2026-09-30.endive.

use serde_json::{Value, json};

use super::{
    billing_records::{Invoice, InvoiceLine, InvoiceStatus, Item, PendingUpdate, Subscription},
    objects::{list, price},
};

pub(super) fn subscription(it: &Subscription) -> Value {
    let cancels = it.cancel_requested_at.is_some();
    let items = it.items.iter().map(|item| subscription_item(item, it)).collect();
    json!({
        "id": it.id,
        "object": "subscription",
        "billing_cycle_anchor": it.anchor,
        "cancel_at": cancels.then_some(it.period.end),
        "cancel_at_period_end": cancels,
        "canceled_at": it.cancel_requested_at.or(it.ended_at()),
        "collection_method": collection_method(it.days_until_due.is_some()),
        "created": it.created,
        "currency": it.currency(),
        "customer": it.customer,
        "days_until_due": it.days_until_due,
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

pub(super) fn invoice(it: &Invoice, base: &str) -> Value {
    let (mut paid_at, mut voided_at, mut uncollectible_at) = (None, None, None);
    match it.status {
        InvoiceStatus::Draft | InvoiceStatus::Open { .. } => {}
        InvoiceStatus::Paid { at, .. } => paid_at = Some(at),
        InvoiceStatus::Void { at } => voided_at = Some(at),
        InvoiceStatus::Uncollectible { at } => uncollectible_at = Some(at),
    }
    let paid_cents = if paid_at.is_some() { it.amount_cents } else { 0 };
    json!({
        "id": it.id,
        "object": "invoice",
        "amount_due": it.amount_cents,
        "amount_paid": paid_cents,
        "amount_remaining": it.amount_cents - paid_cents,
        "attempt_count": it.attempts,
        "attempted": it.attempts > 0,
        "billing_reason": it.reason.name(),
        "collection_method": collection_method(it.due_at.is_some()),
        "created": it.created,
        "currency": it.currency,
        "customer": it.customer,
        "due_date": it.due_at,
        "hosted_invoice_url": format!("{base}/invoices/{}", it.id),
        "lines": lines(&it.lines, &it.id, &it.subscription, &it.currency),
        "livemode": false,
        "metadata": {},
        "next_payment_attempt": it.next_attempt_at(),
        "number": it.display_number(),
        "parent": parent(&it.subscription, &json!(it.metadata)),
        "period_end": it.period.end,
        "period_start": it.period.start,
        "status": it.status.name(),
        "status_transitions": {
            "finalized_at": it.finalized_at(),
            "marked_uncollectible_at": uncollectible_at,
            "paid_at": paid_at,
            "voided_at": voided_at,
        },
        "subtotal": it.amount_cents,
        "total": it.amount_cents,
    })
}

fn collection_method(is_mailed: bool) -> &'static str {
    if is_mailed { "send_invoice" } else { "charge_automatically" }
}

/// A preview of an invoice for `new_lines`.
pub(super) fn preview(of: &Subscription, new_lines: &[InvoiceLine], now: i64) -> Value {
    let (id, total) = ("upcoming_in", new_lines.iter().map(|line| line.cents).sum::<i64>());
    json!({
        "id": id,
        "object": "invoice",
        "amount_due": total.max(0),
        "amount_paid": 0,
        "amount_remaining": total.max(0),
        "attempt_count": 0,
        "billing_reason": "upcoming",
        "collection_method": collection_method(of.days_until_due.is_some()),
        "created": now,
        "currency": of.currency(),
        "customer": of.customer,
        "lines": lines(new_lines, id, &of.id, of.currency()),
        "livemode": false,
        "metadata": {},
        "parent": parent(&of.id, &json!(of.metadata)),
        "period_end": of.period.end,
        "period_start": of.period.start,
        "status": "draft",
        "subtotal": total,
        "total": total,
    })
}

fn lines(lines: &[InvoiceLine], invoice: &str, subscription: &str, currency: &str) -> Value {
    let data = lines.iter().map(|it| line(it, invoice, subscription, currency)).collect();
    list(&format!("/v1/invoices/{invoice}/lines"), false, data)
}

fn line(it: &InvoiceLine, invoice: &str, subscription: &str, currency: &str) -> Value {
    json!({
        "id": it.id,
        "object": "line_item",
        "amount": it.cents,
        "currency": currency,
        "description": it.description,
        "invoice": invoice,
        "livemode": false,
        "metadata": {},
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": {
                "invoice_item": null,
                "proration": it.is_proration,
                "subscription": subscription,
                "subscription_item": it.item.as_ref().map(|item| &item.id),
            },
        },
        "period": { "end": it.period.end, "start": it.period.start },
        "pricing": it.item.as_ref().map(pricing),
        "quantity": it.item.as_ref().map_or(1, |item| item.quantity),
        "subscription": subscription,
    })
}

fn pricing(item: &Item) -> Value {
    json!({
        "type": "price_details",
        "price_details": { "price": item.price.id, "product": item.price.product },
        "unit_amount_decimal": item.price.unit_cents.to_string(),
    })
}

fn parent(subscription: &str, metadata: &Value) -> Value {
    json!({
        "type": "subscription_details",
        "subscription_details": { "metadata": metadata, "subscription": subscription },
    })
}
