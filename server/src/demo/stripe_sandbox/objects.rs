//! Stripe's objects in JSON: the fields that we use, as of API version 2026-09-30.endive.

use serde_json::{Value, json};

use super::{
    billing_details::{Address, BillingDetails},
    billing_records::Price,
    records::{Customer, PortalSession, Session, SessionMode},
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
        "address": customer.address.as_ref().map(Address::object),
        "created": customer.created,
        "email": customer.email,
        "livemode": false,
        "metadata": customer.metadata,
        "name": customer.name,
    })
}

pub(super) fn deleted_customer(customer: &Customer) -> Value {
    json!({ "id": customer.id, "object": "customer", "deleted": true })
}

pub(super) fn session(session: &Session, base: &str, now: i64) -> Value {
    let totals = session.totals();
    // As at Stripe, only an open session has a URL.
    let url = session.is_open(now).then(|| format!("{base}/pay/{}", session.id));
    let mode = match session.mode {
        SessionMode::Payment(_) => "payment",
        SessionMode::Subscription(_) => "subscription",
    };
    json!({
        "id": session.id,
        "object": "checkout.session",
        "allow_promotion_codes": session.options.allows_promotion_codes,
        "amount_subtotal": totals.subtotal,
        "amount_total": totals.total(),
        "automatic_tax": {
            "enabled": session.options.automatic_tax,
            "status": session.options.automatic_tax.then_some("complete"),
        },
        "billing_address_collection": if session.options.requires_address { "required" } else { "auto" },
        "cancel_url": session.cancel_url,
        "client_reference_id": session.client_reference_id,
        "created": session.created,
        "currency": session.currency(),
        "customer": session.customer(),
        "customer_details": session.details.as_ref().map(customer_details),
        "expires_at": session.expires_at,
        "invoice": session.invoice,
        "invoice_creation": invoice_creation(session),
        "livemode": false,
        "metadata": session.metadata,
        "mode": mode,
        "payment_intent": session.payment_intent(),
        "payment_method_types": ["card", "us_bank_account"],
        "payment_status": session.payment_status(),
        "status": session.status(now),
        "subscription": session.subscription(),
        "success_url": session.success_url,
        "tax_id_collection": { "enabled": session.options.collects_tax_id },
        "total_details": {
            "amount_discount": totals.discount_cents,
            "amount_shipping": 0,
            "amount_tax": totals.tax_cents.unwrap_or_default(),
        },
        "url": url,
    })
}

fn customer_details(details: &BillingDetails) -> Value {
    json!({
        "address": details.address.as_ref().map(Address::object),
        "name": details.name,
        "tax_ids": details.tax_ids(),
    })
}

/// Sessions for subscriptions always create invoices, so they have no such setting.
fn invoice_creation(session: &Session) -> Value {
    let SessionMode::Payment(_) = session.mode else { return Value::Null };
    let metadata = &session.options.invoice_metadata;
    json!({ "enabled": metadata.is_some(), "invoice_data": { "metadata": metadata.clone().unwrap_or_default() } })
}

pub(super) fn price(price: &Price) -> Value {
    json!({
        "id": price.id,
        "object": "price",
        "active": true,
        "billing_scheme": "per_unit",
        "created": price.created,
        "currency": price.currency,
        "livemode": false,
        "lookup_key": Some(&price.lookup_key).filter(|key| !key.is_empty()),
        "metadata": price.metadata,
        "product": price.product,
        "recurring": {
            "interval": price.interval.name(),
            "interval_count": 1,
            "usage_type": if price.metered { "metered" } else { "licensed" },
        },
        "type": "recurring",
        "unit_amount": price.unit_cents,
        "unit_amount_decimal": price.unit_cents.to_string(),
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
