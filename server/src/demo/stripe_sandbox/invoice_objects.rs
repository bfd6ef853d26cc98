//! Invoices in JSON: the fields that we use, as of API version 2026-09-30.endive.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    billing_details::Address,
    billing_records::{Invoice, InvoiceLine, InvoiceStatus, Item, Subscription},
    objects::list,
    subscription_objects::collection_method,
    totals::Totals,
};

/// The name of our Stripe account.
const ACCOUNT_NAME: &str = "Brightmeter";

pub(super) fn invoice(it: &Invoice, base: &str) -> Value {
    let (mut paid_at, mut voided_at, mut uncollectible_at) = (None, None, None);
    match it.status {
        InvoiceStatus::Draft | InvoiceStatus::Open { .. } => {}
        InvoiceStatus::Paid { at, .. } => paid_at = Some(at),
        InvoiceStatus::Void { at } => voided_at = Some(at),
        InvoiceStatus::Uncollectible { at } => uncollectible_at = Some(at),
    }
    let paid_cents = if paid_at.is_some() { it.amount_cents } else { 0 };
    let page = it.finalized_at().map(|_| format!("{base}/invoices/{}", it.id));
    // The metadata of a subscription is in the parent; the invoice of a one-time payment has its own.
    let metadata = if it.subscription.is_empty() { it.metadata.clone() } else { BTreeMap::new() };
    let mut object = json!({
        "id": it.id,
        "object": "invoice",
        "account_name": ACCOUNT_NAME,
        "amount_due": it.amount_cents,
        "amount_paid": paid_cents,
        "amount_remaining": it.amount_cents - paid_cents,
        "attempt_count": it.attempts,
        "attempted": it.attempts > 0,
        "auto_advance": it.is_open() && it.due_at.is_none(),
        "automatic_tax": { "enabled": it.tax_cents.is_some() },
        "billing_reason": it.reason.name(),
        "collection_method": collection_method(it.due_at.is_some()),
        "created": it.created,
        "currency": it.currency,
        "customer": some(&it.customer),
        "customer_address": it.details.address.as_ref().map(Address::object),
        "customer_name": it.details.name,
        "customer_tax_ids": it.details.tax_ids(),
        "due_date": it.due_at,
        "hosted_invoice_url": page,
        "invoice_pdf": page.as_ref().map(|page| format!("{page}/pdf")),
        "lines": lines(&it.lines, &it.id, &it.subscription, &it.currency),
        "livemode": false,
        "metadata": metadata,
        "next_payment_attempt": it.next_attempt_at(),
        "number": page.as_ref().map(|_| it.display_number()),
        "parent": parent(&it.subscription, &it.metadata),
        "period_end": it.period.end,
        "period_start": it.period.start,
        "status": it.status.name(),
        "status_transitions": {
            "finalized_at": it.finalized_at(),
            "marked_uncollectible_at": uncollectible_at,
            "paid_at": paid_at,
            "voided_at": voided_at,
        },
    });
    set_totals(&mut object, it.totals(), it.discount.as_deref());
    object
}

/// A preview of an invoice for `new_lines`.
pub(super) fn preview(of: &Subscription, new_lines: &[InvoiceLine], now: i64) -> Value {
    let (id, totals) = ("upcoming_in", of.totals(new_lines));
    let mut object = json!({
        "id": id,
        "object": "invoice",
        "amount_due": totals.due_cents(),
        "amount_paid": 0,
        "amount_remaining": totals.due_cents(),
        "attempt_count": 0,
        "automatic_tax": { "enabled": of.is_taxed },
        "billing_reason": "upcoming",
        "collection_method": collection_method(of.days_until_due.is_some()),
        "created": now,
        "currency": of.currency(),
        "customer": of.customer,
        "lines": lines(new_lines, id, &of.id, of.currency()),
        "livemode": false,
        "metadata": {},
        "parent": parent(&of.id, &of.metadata),
        "period_end": of.period.end,
        "period_start": of.period.start,
        "status": "draft",
    });
    set_totals(&mut object, totals, of.discount.as_ref().map(|discount| discount.id.as_str()));
    object
}

fn set_totals(object: &mut Value, totals: Totals, discount: Option<&str>) {
    let discounted = discount.filter(|_| totals.discount_cents > 0);
    let discounts = discounted.map(|id| json!({ "amount": totals.discount_cents, "discount": id }));
    object["discounts"] = discounted.into_iter().collect();
    object["subtotal"] = totals.subtotal.into();
    object["subtotal_excluding_tax"] = totals.subtotal.into();
    object["total"] = totals.total().into();
    object["total_discount_amounts"] = discounts.into_iter().collect();
    object["total_excluding_tax"] = totals.excluding_tax().into();
    object["total_taxes"] = totals.taxes();
}

/// The lines of an invoice. `subscription` is empty if it bills a one-time payment.
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
        "parent": line_parent(it, subscription),
        "period": { "end": it.period.end, "start": it.period.start },
        "pricing": it.item.as_ref().map(pricing),
        "quantity": it.item.as_ref().map_or(1, |item| item.quantity),
        "subscription": some(subscription),
    })
}

fn line_parent(it: &InvoiceLine, subscription: &str) -> Value {
    if subscription.is_empty() {
        return json!({
            "type": "invoice_item_details",
            "invoice_item_details": { "invoice_item": it.id.replacen("il_", "ii_", 1), "proration": false },
        });
    }
    json!({
        "type": "subscription_item_details",
        "subscription_item_details": {
            "invoice_item": null,
            "proration": it.is_proration,
            "subscription": subscription,
            "subscription_item": it.item.as_ref().map(|item| &item.id),
        },
    })
}

fn pricing(item: &Item) -> Value {
    json!({
        "type": "price_details",
        "price_details": { "price": item.price.id, "product": item.price.product },
        "unit_amount_decimal": item.price.unit_cents.to_string(),
    })
}

/// The subscription that an invoice bills. `null` if it bills a one-time payment.
fn parent(subscription: &str, metadata: &BTreeMap<String, String>) -> Value {
    if subscription.is_empty() {
        return Value::Null;
    }
    json!({
        "type": "subscription_details",
        "subscription_details": { "metadata": metadata, "subscription": subscription },
    })
}

/// Returns an id, or `None` if it is empty.
fn some(id: &str) -> Option<&str> {
    Some(id).filter(|id| !id.is_empty())
}
