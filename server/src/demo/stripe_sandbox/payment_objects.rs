//! Payments, charges, refunds and disputes in JSON: the fields that we use.

use serde_json::{Value, json};

use super::{
    billing_records::Invoice,
    records::{Charge, Dispute, Payment, Refund},
};

pub(super) fn payment_intent(payment: &Payment) -> Value {
    json!({
        "id": payment.id,
        "object": "payment_intent",
        "amount": payment.amount_cents,
        "amount_received": if payment.charge.is_some() { payment.amount_cents } else { 0 },
        "currency": payment.currency,
        "customer": payment.customer,
        "latest_charge": payment.charge.as_ref().map(|charge| &charge.id),
        "livemode": false,
        "metadata": payment.metadata,
        "status": if payment.charge.is_some() { "succeeded" } else { "processing" },
    })
}

/// The payment of an invoice.
pub(super) fn invoice_payment(invoice: &Invoice, payment_intent: &str) -> Value {
    json!({
        "id": invoice.id.replacen("in_", "inpay_", 1),
        "object": "invoice_payment",
        "amount_paid": invoice.amount_cents,
        "amount_requested": invoice.amount_cents,
        "currency": invoice.currency,
        "invoice": invoice.id,
        "is_default": true,
        "livemode": false,
        "payment": { "type": "payment_intent", "payment_intent": payment_intent },
        "status": "paid",
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
        "status": dispute.status.name(),
    })
}
