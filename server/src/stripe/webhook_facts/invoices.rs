//! Reads invoices for plans, and their payments, from events and from Stripe's invoice list.

use std::collections::BTreeSet;

use brightmeter::{
    billing::{
        invoices::{BillingReason, Invoice, InvoiceLine, InvoiceStatus, Invoices, Paid},
        payment::{Payment, StripeIds},
    },
    time::Instant,
};
use serde_json::Value;

use super::{CustomerFact, currency, documents, has_our_metadata, https_url, id_of, instant, text};

/// The number of lines stored per invoice. The invoice's total includes the others.
const MAX_LINES: usize = 10;
/// The length of a stored line's text, in characters.
const MAX_LINE_CHARS: usize = 200;

/// Reads an event about an invoice. Returns `None` if the invoice is a draft or for no subscription.
pub(super) fn read_event(
    kind: &str,
    object: &Value,
    created_at: Option<Instant>,
) -> Result<Option<CustomerFact>, &'static str> {
    let Some(subscription) = subscription_of(object) else { return Ok(None) };
    let mut invoice = match kind {
        // The event's own type says more than the status, which old events lack.
        "invoice.paid" | "invoice.payment_succeeded" => read_as(InvoiceStatus::Paid, object, created_at),
        "invoice.voided" => read_as(InvoiceStatus::Void, object, created_at),
        "invoice.marked_uncollectible" => read_as(InvoiceStatus::Uncollectible, object, created_at),
        "invoice.payment_failed" => {
            let failed_at = Some(created_at.ok_or("the time of the failed payment is missing")?);
            // It may have been paid before this event was sent.
            let status = object["status"].as_str().and_then(InvoiceStatus::parse).unwrap_or_default();
            Invoice { failed_at, ..read_as(status, object, created_at) }
        }
        "invoice.finalized"
        | "invoice.sent"
        | "invoice.overdue"
        | "invoice.updated"
        | "invoice.payment_action_required" => match read(object, created_at)? {
            Some(invoice) => invoice,
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    invoice.subscription = Some(subscription);
    let customer = id_of(&object["customer"]).ok_or("the invoice has no customer")?;
    let id = text(&object["id"]).ok_or("the invoice has no id")?;
    let details = [&object["parent"]["subscription_details"], &object["subscription_details"]];
    let has_our_metadata = has_our_metadata(object) || details.into_iter().any(has_our_metadata);
    let invoices = Invoices([(id, invoice)].into());
    Ok(Some(CustomerFact { customer, has_our_metadata, invoices, subscription: None }))
}

/// Reads the list of a customer's latest invoices. Drafts, and invoices for no subscription, are left out.
pub fn list(list: &Value) -> Result<Invoices, &'static str> {
    let mut invoices = Invoices::default();
    for object in list["data"].as_array().ok_or("the list is missing")? {
        let Some(subscription) = subscription_of(object) else { continue };
        let Some(invoice) = read(object, None)? else { continue };
        let id = text(&object["id"]).ok_or("an invoice has no id")?;
        invoices.0.insert(id, Invoice { subscription: Some(subscription), ..invoice });
    }
    Ok(invoices)
}

/// Reads the list of an invoice's payments, and returns the Stripe id of the invoice; `None` if the list is empty.
pub fn of_payment(list: &Value) -> Result<Option<String>, &'static str> {
    let payments = list["data"].as_array().ok_or("the list is missing")?;
    payments.first().map(|payment| id_of(&payment["invoice"]).ok_or("a payment names no invoice")).transpose()
}

/// Reads an invoice. Returns `None` for a draft.
///
/// # Errors
/// Also if the status is unknown.
fn read(object: &Value, reported_at: Option<Instant>) -> Result<Option<Invoice>, &'static str> {
    match object["status"].as_str() {
        Some("draft") => Ok(None),
        status => {
            let status = status.and_then(InvoiceStatus::parse).ok_or("an invoice has an unknown status")?;
            Ok(Some(read_as(status, object, reported_at)))
        }
    }
}

/// Reads an invoice that is known to have this status. `reported_at` replaces a missing time of payment.
fn read_as(status: InvoiceStatus, object: &Value, reported_at: Option<Instant>) -> Invoice {
    let transitions = &object["status_transitions"];
    let created_at = instant(&object["created"]);
    let is_paid = status == InvoiceStatus::Paid;
    let is_attempted = object["attempted"] == true && status == InvoiceStatus::Open;
    Invoice {
        status,
        subscription: None,
        reason: object["billing_reason"].as_str().map(BillingReason::parse),
        created_at,
        due_at: instant(&object["due_date"]),
        // Stripe first tries to collect it when it is finalized.
        attempted_at: instant(&transitions["finalized_at"]).or(created_at).filter(|_| is_attempted),
        failed_at: None,
        currency: currency(&object["currency"]),
        paid_at: instant(&transitions["paid_at"]).or(reported_at).filter(|_| is_paid),
        remaining_minor: object["amount_remaining"].as_u64().or_else(|| object["amount_due"].as_u64()),
        url: https_url(&object["hosted_invoice_url"]),
        payment: Payment {
            stripe_ids: StripeIds { payment_intents: payment_intents(object), ..StripeIds::default() },
            currency: currency(&object["currency"]),
            paid_minor: object["amount_paid"].as_u64().filter(|_| is_paid),
            document: is_paid.then(|| Box::new(documents::read(object))),
            ..Payment::default()
        },
        paid: if is_paid { paid(object, reported_at) } else { None },
        receipt: None,
    }
}

/// The Stripe ids of the payment intents that paid an invoice, if its payments are expanded or its API version names them.
fn payment_intents(object: &Value) -> BTreeSet<String> {
    let payments = object["payments"]["data"].as_array().into_iter().flatten();
    let intents = payments.filter_map(|it| id_of(&it["payment"]["payment_intent"]));
    intents.chain(id_of(&object["payment_intent"])).collect()
}

/// The Stripe id of an invoice's subscription.
fn subscription_of(object: &Value) -> Option<String> {
    id_of(&object["subscription"]).or_else(|| id_of(&object["parent"]["subscription_details"]["subscription"]))
}

/// Reads an invoice's payment for its receipt. Returns `None` if the amount is missing or zero. Unreadable details are
/// left out rather than losing the rest of the event.
pub(super) fn paid(object: &Value, reported_at: Option<Instant>) -> Option<Paid> {
    let minor = object["amount_paid"].as_u64().filter(|minor| *minor > 0)?;
    let at = instant(&object["status_transitions"]["paid_at"]).or(reported_at)?;
    let lines = object["lines"]["data"].as_array().into_iter().flatten().filter_map(line).take(MAX_LINES).collect();
    Some(Paid { at, minor, lines, url: https_url(&object["hosted_invoice_url"]), number: text(&object["number"]) })
}

fn line(object: &Value) -> Option<InvoiceLine> {
    let minor = object["amount"].as_i64()?;
    let text = object["description"].as_str().unwrap_or_default();
    let text: String = text.chars().filter(|char| !char.is_control()).take(MAX_LINE_CHARS).collect();
    Some(InvoiceLine { text: if text.is_empty() { "Plan".into() } else { text }, minor })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stripe::{event::Event, webhook_facts::WebhookFacts};

    /// 10 March 2026, 9:00 UTC.
    const NINE: i64 = 1_773_133_200;

    /// Reads an event of this kind about this invoice, created at five seconds past nine.
    fn facts(kind: &str, object: &Value) -> Invoice {
        let event = json!({ "id": "evt_1", "type": kind, "created": NINE + 5, "data": { "object": object } });
        match crate::stripe::webhook_facts::read(&Event::read(event.to_string())) {
            Ok(Some(WebhookFacts::Customer(mut fact))) => fact.invoices.0.pop_first().unwrap().1,
            other => panic!("{other:?}"),
        }
    }

    /// An invoice in the current API version's shape, with `changes`.
    fn invoice_with(changes: &Value) -> Value {
        let line = |cents: i64, text: &str| json!({ "amount": cents, "description": text, "parent": {} });
        let mut object = json!({
            "id": "in_1",
            "object": "invoice",
            "amount_paid": 16_935,
            "customer": "cus_1",
            "hosted_invoice_url": "https://invoice.stripe.com/i/acct_1/live_1?s=ap",
            "lines": { "data": [line(-10_094, "Unused time on Pro"), line(27_029, "Remaining time on Enterprise")] },
            "number": "ABCD1234-0002",
            "parent": { "type": "subscription_details", "subscription_details": { "subscription": "sub_1" } },
            "status_transitions": { "paid_at": NINE },
        });
        object.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        object
    }

    fn paid_of(changes: &Value) -> Option<Paid> {
        let invoice = facts("invoice.paid", &invoice_with(changes));
        assert_eq!(invoice.status, InvoiceStatus::Paid);
        assert_eq!(invoice.subscription.as_deref(), Some("sub_1"));
        invoice.paid
    }

    fn at(seconds: i64) -> Instant {
        Instant::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn reads_the_payment_from_both_events_in_the_current_shape() {
        let line = |text: &str, minor| InvoiceLine { text: text.into(), minor };
        let expected = Paid {
            at: at(NINE),
            minor: 16_935,
            lines: vec![line("Unused time on Pro", -10_094), line("Remaining time on Enterprise", 27_029)],
            url: Some("https://invoice.stripe.com/i/acct_1/live_1?s=ap".into()),
            number: Some("ABCD1234-0002".into()),
        };
        for kind in ["invoice.paid", "invoice.payment_succeeded"] {
            let invoice = facts(kind, &invoice_with(&json!({})));
            assert_eq!((invoice.paid.as_ref(), invoice.receipt), (Some(&expected), None), "{kind}");
        }
    }

    #[test]
    fn reads_the_payment_in_an_old_shape() {
        // The subscription is a field of the invoice, lines have plans instead of prices, and the time of payment is
        // missing.
        let old = json!({
            "id": "in_1",
            "object": "invoice",
            "amount_paid": 14_900,
            "customer": "cus_1",
            "lines": { "data": [{ "object": "line_item", "amount": 14_900, "description": null, "plan": { "id": "pro" } }] },
            "number": "ABCD1234-0001",
            "paid": true,
            "subscription": "sub_1",
        });
        let paid = facts("invoice.payment_succeeded", &old).paid.unwrap();
        assert_eq!((paid.at, paid.minor, paid.url), (at(NINE + 5), 14_900, None));
        assert_eq!(paid.lines, [InvoiceLine { text: "Plan".into(), minor: 14_900 }]);
        assert_eq!(paid.number.as_deref(), Some("ABCD1234-0001"));
    }

    #[test]
    fn an_invoice_without_an_amount_has_no_payment() {
        for amount in [json!(0), json!(null), json!("16935"), json!(-1), json!(1.5)] {
            assert_eq!(paid_of(&json!({ "amount_paid": amount })), None);
        }
        for (kind, status) in
            [("invoice.voided", InvoiceStatus::Void), ("invoice.marked_uncollectible", InvoiceStatus::Uncollectible)]
        {
            let invoice = facts(kind, &invoice_with(&json!({})));
            assert_eq!((invoice.status, invoice.paid), (status, None), "{kind}");
        }
        assert_eq!(facts("invoice.payment_failed", &invoice_with(&json!({}))).paid, None);
    }

    #[test]
    fn malformed_fields_are_left_out_and_long_ones_are_cut() {
        let malformed = json!({
            "hosted_invoice_url": "javascript:alert(1)",
            "lines": "none",
            "number": 7,
            "status_transitions": { "paid_at": "yesterday" },
        });
        assert_eq!(
            paid_of(&malformed),
            Some(Paid { at: at(NINE + 5), minor: 16_935, lines: vec![], url: None, number: None })
        );

        let line = json!({ "amount": 1, "description": format!("a\u{0}b\n{}", "é".repeat(300)) });
        let mut lines = vec![json!({ "description": "a line without an amount" }), json!(7)];
        lines.extend(vec![line; 20]);
        let paid = paid_of(&json!({ "lines": { "data": lines } })).unwrap();
        assert_eq!(paid.lines.len(), 10);
        assert_eq!(paid.lines[0].text, format!("ab{}", "é".repeat(198)));
    }
}
