//! Stripe's objects: the fields that matter, in the shapes of version 2026-09-30.endive.

use serde_json::{Value, json};

use super::state::{Charge, Customer, Dispute, Payment, Progress, Refund, Session, Standing};

/// The version that our events say they are written in.
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
    // As at Stripe, a session that is not open has no page any more.
    let url = session.is_open(now).then(|| format!("{base}/pay/{}", session.id));
    let payment_status = if matches!(session.progress, Progress::Paid { .. }) { "paid" } else { "unpaid" };
    json!({
        "id": session.id,
        "object": "checkout.session",
        "amount_subtotal": session.amount_cents,
        "amount_total": session.amount_cents,
        "cancel_url": session.cancel_url,
        "client_reference_id": session.client_reference_id,
        "created": session.created,
        "currency": "usd",
        "customer": session.customer,
        "expires_at": session.expires_at,
        "livemode": false,
        "metadata": session.metadata,
        "mode": "payment",
        "payment_intent": session.payment_intent(),
        "payment_method_types": ["card", "us_bank_account"],
        "payment_status": payment_status,
        "status": session.status(now),
        "subscription": null,
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
    let status = match dispute.standing {
        Standing::NeedsResponse => "needs_response",
        Standing::Won => "won",
        Standing::Lost => "lost",
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
