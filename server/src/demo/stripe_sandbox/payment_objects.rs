//! Charges, refunds and disputes in JSON: the fields that we use.

use serde_json::{Value, json};

use super::records::{Charge, Dispute, DisputeStatus, Payment, Refund};

pub(super) fn charge(payment: &Payment, charge: &Charge, refunded_cents: u64, base: &str) -> Value {
    json!({
        "id": charge.id,
        "object": "charge",
        "amount": payment.amount_cents,
        "amount_captured": payment.amount_cents,
        "amount_refunded": refunded_cents,
        "captured": true,
        "created": charge.created,
        "currency": payment.currency,
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
        "currency": refund.currency,
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
        "currency": dispute.currency,
        "livemode": false,
        "metadata": {},
        "payment_intent": dispute.payment_intent,
        "reason": "general",
        "status": status,
    })
}
