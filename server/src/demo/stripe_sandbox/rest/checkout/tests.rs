//! Tests of Checkout sessions: options, discounts, invoices of one-time payments.

use super::*;
use crate::demo::stripe_sandbox::{
    invoice_objects, subscription_objects,
    testing::{MAY, emitted, on_pro, params, price},
};

/// The parameters of a session for a pack of €26.80.
const PACK: [(&str, &str); 8] = [
    ("mode", "payment"),
    ("customer", "cus_1"),
    ("success_url", "https://brightmeter.test/done"),
    ("line_items[0][quantity]", "1"),
    ("line_items[0][price_data][currency]", "eur"),
    ("line_items[0][price_data][unit_amount]", "2680"),
    ("line_items[0][price_data][product_data][name]", "Booster"),
    ("payment_intent_data[metadata][brightmeter_purchase]", "1"),
];

fn open(state: &mut State, fields: &[(&str, &str)]) -> Result<Value, ApiError> {
    create_session(state, params(fields), MAY)
}

/// Opens a session and returns its id.
fn opened(state: &mut State, fields: &[(&str, &str)]) -> String {
    open(state, fields).unwrap()["id"].as_str().unwrap().to_owned()
}

fn object(state: &State, session: &str) -> Value {
    objects::session(&state.sessions[session], "", MAY)
}

#[test]
fn a_pack_with_tax_has_an_invoice() {
    let mut state = on_pro(None);
    let options = [
        ("automatic_tax[enabled]", "true"),
        ("billing_address_collection", "required"),
        ("tax_id_collection[enabled]", "true"),
        ("customer_update[address]", "auto"),
        ("customer_update[name]", "auto"),
        ("invoice_creation[enabled]", "true"),
        ("invoice_creation[invoice_data][metadata][brightmeter_purchase]", "1"),
    ];
    let session = opened(&mut state, &[&PACK[..], &options].concat());
    state.pay(&session, MAY).unwrap();
    let expected = ["charge.succeeded", "invoice.paid", "invoice.payment_succeeded", "checkout.session.completed"];
    assert_eq!(emitted(&mut state), expected);
    let session = object(&state, &session);
    assert_eq!((&session["amount_subtotal"], &session["amount_total"]), (&2_680.into(), &3_189.into()));
    assert_eq!((&session["currency"], &session["total_details"]["amount_tax"]), (&"eur".into(), &509.into()));
    assert_eq!(session["customer_details"]["address"]["country"], "DE");
    assert_eq!(session["invoice_creation"]["enabled"], true);
    assert_eq!(state.payments[session["payment_intent"].as_str().unwrap()].amount_cents, 3_189);

    let invoice = &state.invoices[session["invoice"].as_str().unwrap()];
    assert_eq!(invoice.payment_intent(), session["payment_intent"].as_str());
    let invoice = invoice_objects::invoice(invoice, "");
    assert_eq!((&invoice["parent"], &invoice["metadata"]["brightmeter_purchase"]), (&Value::Null, &"1".into()));
    assert_eq!((&invoice["total"], &invoice["total_excluding_tax"]), (&3_189.into(), &2_680.into()));
    assert_eq!((&invoice["amount_paid"], &invoice["billing_reason"]), (&3_189.into(), &"manual".into()));
    let tax = &invoice["total_taxes"][0];
    assert_eq!((&tax["amount"], &tax["tax_behavior"]), (&509.into(), &"exclusive".into()));
    assert_eq!(invoice["customer_tax_ids"][0]["type"], "eu_vat");
    assert_eq!(
        (&invoice["customer_address"]["city"], &invoice["account_name"]),
        (&"Berlin".into(), &"Brightmeter".into())
    );
    assert_eq!(invoice["lines"]["data"][0]["pricing"]["unit_amount_decimal"], "2680");
}

#[test]
fn a_pack_without_options_has_no_invoice() {
    let mut state = on_pro(None);
    let session = opened(&mut state, &PACK);
    state.pay_later(&session, MAY).unwrap();
    state.succeed_debit(&session, MAY).unwrap();
    let session = object(&state, &session);
    assert_eq!((&session["invoice"], &session["amount_total"]), (&Value::Null, &2_680.into()));
    assert_eq!(state.invoices_of("cus_1").len(), 1);
}

#[test]
fn a_free_checkout_needs_no_payment() {
    let mut state = on_pro(None);
    let session = opened(&mut state, &PACK);
    state.discount_session(&session, 100, MAY).unwrap();
    state.pay(&session, MAY).unwrap();
    assert_eq!(emitted(&mut state), ["checkout.session.completed"]);
    let pack = object(&state, &session);
    assert_eq!((&pack["payment_status"], &pack["amount_total"]), (&"no_payment_required".into(), &0.into()));
    assert_eq!((&pack["status"], &pack["payment_intent"]), (&"complete".into(), &Value::Null));

    let plan = price(&mut state, "Max", 29_900).id;
    let fields = [
        ("mode", "subscription"),
        ("customer", "cus_1"),
        ("success_url", "https://brightmeter.test/done"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price]", &plan),
    ];
    let session = opened(&mut state, &fields);
    state.discount_session(&session, 100, MAY).unwrap();
    state.pay_later(&session, MAY).unwrap();
    let expected =
        ["customer.subscription.created", "invoice.paid", "invoice.payment_succeeded", "checkout.session.completed"];
    assert_eq!(emitted(&mut state), expected);
    let session = object(&state, &session);
    assert_eq!((&session["payment_status"], &session["amount_total"]), (&"no_payment_required".into(), &0.into()));
    let subscription = &state.subscriptions[session["subscription"].as_str().unwrap()];
    let subscription = subscription_objects::subscription(subscription);
    assert_eq!((&subscription["status"], &subscription["latest_invoice"]), (&"active".into(), &session["invoice"]));
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let mut state = on_pro(None);
    for (field, message) in [
        (("automatic_tax[enabled]", "true"), "requires a valid address"),
        (("tax_id_collection[enabled]", "true"), "customer_update[name]"),
        (("billing_address_collection", "always"), "auto or required"),
        (("invoice_creation[enabled]", "yes"), "true or false"),
        (("automatic_taxes[enabled]", "true"), "unknown parameter"),
    ] {
        let error = open(&mut state, &[&PACK[..], &[field]].concat()).unwrap_err();
        assert!(error.message.contains(message), "{}", error.message);
    }
    let anonymous: Vec<_> = PACK.into_iter().filter(|(name, _)| *name != "customer").collect();
    let error = open(&mut state, &[&anonymous[..], &[("customer_update[address]", "auto")]].concat()).unwrap_err();
    assert!(error.message.contains("customer_update"), "{}", error.message);
}
