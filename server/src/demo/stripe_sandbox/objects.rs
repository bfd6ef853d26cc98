//! Stripe's objects in JSON: the fields that we use, as of API version 2026-09-30.endive.

use serde_json::{Value, json};

use super::records::{
    Charge, Customer, Dispute, DisputeStatus, Invoice, InvoiceLine, InvoiceStatus, Payment, PortalSession, Price,
    Refund, Session, SessionMode, Subscription,
};

/// The `api_version` of our events.
const API_VERSION: &str = "2026-09-30.endive";

pub(super) fn event(id: &str, kind: &str, object: &Value, now: i64) -> Value {
    json!({
        "id": id,
        "object": "event",
        "api_version": API_VERSION,
        "created": now,
        "data": { "object": object },
        "livemode": false,
        "pending_webhooks": 1,
        "request": { "id": null, "idempotency_key": null },
        "type": kind,
    })
}

pub(super) fn customer(customer: &Customer) -> Value {
    json!({
        "id": customer.id,
        "object": "customer",
        "created": customer.created,
        "email": customer.email,
        "livemode": false,
        "metadata": customer.metadata,
        "name": customer.name,
    })
}

pub(super) fn session(session: &Session, base: &str, now: i64) -> Value {
    // As at Stripe, only an open session has a URL.
    let url = session.is_open(now).then(|| format!("{base}/pay/{}", session.id));
    let mode = match session.mode {
        SessionMode::Payment(_) => "payment",
        SessionMode::Subscription(_) => "subscription",
    };
    json!({
        "id": session.id,
        "object": "checkout.session",
        "amount_subtotal": session.amount_cents(),
        "amount_total": session.amount_cents(),
        "cancel_url": session.cancel_url,
        "client_reference_id": session.client_reference_id,
        "created": session.created,
        "currency": "usd",
        "customer": session.customer(),
        "expires_at": session.expires_at,
        "livemode": false,
        "metadata": session.metadata,
        "mode": mode,
        "payment_intent": session.payment_intent(),
        "payment_method_types": ["card", "us_bank_account"],
        "payment_status": session.payment_status(),
        "status": session.status(now),
        "subscription": session.subscription(),
        "success_url": session.success_url,
        "url": url,
    })
}

pub(super) fn charge(payment: &Payment, charge: &Charge, refunded_cents: u64, base: &str) -> Value {
    json!({
        "id": charge.id,
        "object": "charge",
        "amount": payment.amount_cents,
        "amount_captured": payment.amount_cents,
        "amount_refunded": refunded_cents,
        "captured": true,
        "created": charge.created,
        "currency": "usd",
        "customer": payment.customer,
        "livemode": false,
        "metadata": payment.metadata,
        "paid": true,
        "payment_intent": payment.id,
        "receipt_url": format!("{base}/receipts/{}", charge.id),
        "refunded": refunded_cents >= payment.amount_cents,
        "status": "succeeded",
    })
}

pub(super) fn refund(refund: &Refund) -> Value {
    json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount_cents,
        "charge": refund.charge,
        "created": refund.created,
        "currency": "usd",
        "metadata": {},
        "payment_intent": refund.payment_intent,
        "reason": null,
        "status": if refund.failed { "failed" } else { "succeeded" },
    })
}

pub(super) fn dispute(dispute: &Dispute) -> Value {
    let status = match dispute.status {
        DisputeStatus::NeedsResponse => "needs_response",
        DisputeStatus::Won => "won",
        DisputeStatus::Lost => "lost",
    };
    json!({
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount_cents,
        "charge": dispute.charge,
        "created": dispute.created,
        "currency": "usd",
        "livemode": false,
        "metadata": {},
        "payment_intent": dispute.payment_intent,
        "reason": "general",
        "status": status,
    })
}

pub(super) fn price(price: &Price) -> Value {
    json!({
        "id": price.id,
        "object": "price",
        "active": true,
        "billing_scheme": "per_unit",
        "created": price.created,
        "currency": "usd",
        "livemode": false,
        "lookup_key": price.lookup_key,
        "metadata": price.metadata,
        "product": price.product,
        "recurring": { "interval": "month", "interval_count": 1, "usage_type": "licensed" },
        "type": "recurring",
        "unit_amount": price.unit_cents,
    })
}

pub(super) fn subscription(it: &Subscription) -> Value {
    let cancels = it.cancel_requested_at.is_some();
    let item = json!({
        "id": it.item,
        "object": "subscription_item",
        "created": it.created,
        "current_period_end": it.period.end,
        "current_period_start": it.period.start,
        "metadata": {},
        "price": price(&it.price),
        "quantity": 1,
        "subscription": it.id,
    });
    json!({
        "id": it.id,
        "object": "subscription",
        "billing_cycle_anchor": it.anchor,
        "cancel_at": cancels.then_some(it.period.end),
        "cancel_at_period_end": cancels,
        "canceled_at": it.cancel_requested_at.or(it.ended_at()),
        "collection_method": "charge_automatically",
        "created": it.created,
        "currency": "usd",
        "customer": it.customer,
        "ended_at": it.ended_at(),
        "items": list(&format!("/v1/subscription_items?subscription={}", it.id), false, vec![item]),
        "latest_invoice": it.latest_invoice,
        "livemode": false,
        "metadata": it.metadata,
        "start_date": it.created,
        "status": it.status.name(),
        "trial_end": it.trial.map(|trial| trial.end),
        "trial_start": it.trial.map(|trial| trial.start),
    })
}

pub(super) fn invoice(it: &Invoice, base: &str) -> Value {
    let (mut paid_at, mut voided_at, mut uncollectible_at) = (None, None, None);
    match it.status {
        InvoiceStatus::Open { .. } => {}
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
        "collection_method": "charge_automatically",
        "created": it.created,
        "currency": "usd",
        "customer": it.customer,
        "hosted_invoice_url": format!("{base}/invoices/{}", it.id),
        "lines": lines(&it.lines, &it.id, &it.subscription),
        "livemode": false,
        "metadata": {},
        "next_payment_attempt": it.next_attempt_at(),
        "number": it.display_number(),
        "parent": parent(&it.subscription, &json!(it.metadata)),
        "period_end": it.period.end,
        "period_start": it.period.start,
        "status": it.status.name(),
        "status_transitions": {
            "finalized_at": it.created,
            "marked_uncollectible_at": uncollectible_at,
            "paid_at": paid_at,
            "voided_at": voided_at,
        },
        "subtotal": it.amount_cents,
        "total": it.amount_cents,
    })
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
        "collection_method": "charge_automatically",
        "created": now,
        "currency": "usd",
        "customer": of.customer,
        "lines": lines(new_lines, id, &of.id),
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

pub(super) fn portal(portal: &PortalSession, base: &str) -> Value {
    json!({
        "id": portal.id,
        "object": "billing_portal.session",
        "created": portal.created,
        "customer": portal.customer,
        "livemode": false,
        "return_url": portal.return_url,
        "url": format!("{base}/portal/{}", portal.id),
    })
}

/// A list object: all objects at `url`, or the first of them.
pub(super) fn list(url: &str, has_more: bool, data: Vec<Value>) -> Value {
    json!({ "object": "list", "url": url, "has_more": has_more, "data": data })
}

fn lines(lines: &[InvoiceLine], invoice: &str, subscription: &str) -> Value {
    let line = |line: &InvoiceLine| {
        json!({
            "id": line.id,
            "object": "line_item",
            "amount": line.cents,
            "currency": "usd",
            "description": line.description,
            "invoice": invoice,
            "livemode": false,
            "metadata": {},
            "parent": {
                "type": "subscription_item_details",
                "subscription_item_details": { "proration": line.is_proration, "subscription": subscription },
            },
            "period": { "end": line.period.end, "start": line.period.start },
            "quantity": 1,
            "subscription": subscription,
        })
    };
    list(&format!("/v1/invoices/{invoice}/lines"), false, lines.iter().map(line).collect())
}

fn parent(subscription: &str, metadata: &Value) -> Value {
    json!({
        "type": "subscription_details",
        "subscription_details": { "metadata": metadata, "subscription": subscription },
    })
}
