//! Reads invoices for plans, and their payments, from events and from Stripe's invoice list.

use brightmeter::{
    billing::invoices::{Invoice, InvoiceLine, Invoices, Paid},
    time::Instant,
};
use serde_json::Value;

use super::{BillingFact, WebhookFacts, https_url, id_of, text};

/// The number of lines stored per invoice. The invoice's total includes the others.
const MAX_LINES: usize = 10;
/// The length of a stored line's text, in characters.
const MAX_LINE_CHARS: usize = 200;

/// Reads an invoice for a plan, or returns `None` if it is for something else.
pub(super) fn read(object: &Value, facts: Invoice) -> Result<Option<WebhookFacts>, &'static str> {
    let parent = &object["parent"]["subscription_details"]["subscription"];
    let Some(subscription) = id_of(&object["subscription"]).or_else(|| id_of(parent)) else { return Ok(None) };
    let customer = id_of(&object["customer"]).ok_or("the invoice has no customer")?;
    let id = text(&object["id"]).ok_or("the invoice has no id")?;
    let facts = Invoice { subscription: Some(subscription), ..facts };
    Ok(Some(WebhookFacts::Customer(customer, BillingFact::Invoice(Invoices([(id, facts)].into())))))
}

/// Reads the list of a customer's latest invoices.
pub fn list(list: &Value) -> Result<Invoices, &'static str> {
    let mut invoices = Invoices::default();
    for object in list["data"].as_array().ok_or("the list is missing")? {
        let facts = match object["status"].as_str() {
            Some("paid") => Invoice { closed: true, paid: paid(object, None), ..Invoice::default() },
            Some("void" | "uncollectible") => Invoice { closed: true, ..Invoice::default() },
            Some("open") if object["attempted"] == true && object["billing_reason"] != "subscription_create" => {
                // Stripe first tries to collect it when it is finalized.
                let attempted = [&object["status_transitions"]["finalized_at"], &object["created"]];
                let attempted =
                    attempted.into_iter().find_map(Value::as_i64).and_then(|at| Instant::from_timestamp(at, 0));
                Invoice {
                    failed_at: Some(attempted.ok_or("an invoice has no time of finalization")?),
                    ..Invoice::default()
                }
            }
            _ => continue,
        };
        if let Some(WebhookFacts::Customer(_, BillingFact::Invoice(facts))) = read(object, facts)? {
            invoices.join(&facts);
        }
    }
    Ok(invoices)
}

/// Reads an invoice's payment for its receipt. Returns `None` if the amount is missing or zero. Unreadable details are
/// left out rather than losing the rest of the event.
pub(super) fn paid(object: &Value, reported_at: Option<Instant>) -> Option<Paid> {
    let cents = object["amount_paid"].as_u64().filter(|cents| *cents > 0)?;
    let seconds = object["status_transitions"]["paid_at"].as_i64();
    let at = seconds.and_then(|seconds| Instant::from_timestamp(seconds, 0)).or(reported_at)?;
    let lines = object["lines"]["data"].as_array().into_iter().flatten().filter_map(line).take(MAX_LINES).collect();
    Some(Paid { at, cents, lines, url: https_url(&object["hosted_invoice_url"]), number: text(&object["number"]) })
}

fn line(object: &Value) -> Option<InvoiceLine> {
    let cents = object["amount"].as_i64()?;
    let text = object["description"].as_str().unwrap_or_default();
    let text: String = text.chars().filter(|char| !char.is_control()).take(MAX_LINE_CHARS).collect();
    Some(InvoiceLine { text: if text.is_empty() { "Plan".into() } else { text }, cents })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stripe::event::Event;

    /// 10 March 2026, 9:00 UTC.
    const NINE: i64 = 1_773_133_200;

    /// Reads an event of this kind about this invoice, created at five seconds past nine.
    fn facts(kind: &str, object: &Value) -> Invoice {
        let event = json!({ "id": "evt_1", "type": kind, "created": NINE + 5, "data": { "object": object } });
        match crate::stripe::webhook_facts::read(&Event::read(event.to_string())) {
            Ok(Some(WebhookFacts::Customer(_, BillingFact::Invoice(Invoices(mut invoices))))) => {
                invoices.pop_first().unwrap().1
            }
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
        assert!(invoice.closed);
        assert_eq!(invoice.subscription.as_deref(), Some("sub_1"));
        invoice.paid
    }

    fn at(seconds: i64) -> Instant {
        Instant::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn reads_the_payment_from_both_events_in_the_current_shape() {
        let line = |text: &str, cents| InvoiceLine { text: text.into(), cents };
        let expected = Paid {
            at: at(NINE),
            cents: 16_935,
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
        assert_eq!((paid.at, paid.cents, paid.url), (at(NINE + 5), 14_900, None));
        assert_eq!(paid.lines, [InvoiceLine { text: "Plan".into(), cents: 14_900 }]);
        assert_eq!(paid.number.as_deref(), Some("ABCD1234-0001"));
    }

    #[test]
    fn an_invoice_without_an_amount_has_no_payment() {
        for amount in [json!(0), json!(null), json!("16935"), json!(-1), json!(1.5)] {
            assert_eq!(paid_of(&json!({ "amount_paid": amount })), None);
        }
        for kind in ["invoice.voided", "invoice.marked_uncollectible"] {
            let invoice = facts(kind, &invoice_with(&json!({})));
            assert_eq!((invoice.closed, invoice.paid), (true, None), "{kind}");
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
            Some(Paid { at: at(NINE + 5), cents: 16_935, lines: vec![], url: None, number: None })
        );

        let line = json!({ "amount": 1, "description": format!("a\u{0}b\n{}", "é".repeat(300)) });
        let mut lines = vec![json!({ "description": "a line without an amount" }), json!(7)];
        lines.extend(vec![line; 20]);
        let paid = paid_of(&json!({ "lines": { "data": lines } })).unwrap();
        assert_eq!(paid.lines.len(), 10);
        assert_eq!(paid.lines[0].text, format!("ab{}", "é".repeat(198)));
    }
}
