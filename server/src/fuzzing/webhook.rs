//! The parsers of Stripe's events and of the objects in them.

use std::fmt::Debug;

use brightmeter::{
    billing::{invoices::Invoices, payment::Payment, stripe_id::StripeId},
    ledger::tokens::Tokens,
    time::Instant,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    storage::stripe_events::Cursor,
    stripe::{
        event::Event,
        webhook_facts::{
            self, CustomerFact, PaymentFact, PurchaseRef, WebhookFacts, invoices, refunds_and_disputes, schedules,
            subscriptions,
        },
    },
};

/// Every body becomes an event that has an id and can be stored and listed. Its facts can be stored, and joining them
/// twice is joining them once.
pub fn webhook(input: &[u8]) {
    let Some(payload) = str::from_utf8(input).ok().filter(|payload| !payload.contains('\0')) else { return };
    let event = Event::read(payload.into());
    assert_eq!(event, Event::read(payload.into()));
    assert!(event.id.parse::<StripeId>().is_ok(), "{:?}", event.id);
    let received_at = event.created_at.unwrap_or_default();
    let cursor = Cursor { received_at, id: event.id.clone() };
    assert_eq!(cursor.to_string().parse().ok(), Some(cursor));

    let facts = webhook_facts::read(&event);
    assert_eq!(facts, webhook_facts::read(&event));
    match facts {
        Ok(Some(WebhookFacts::Payment(PaymentFact { purchase, payment, .. }))) => {
            assert!(!matches!(purchase, PurchaseRef::StripeIds(ids) if ids.is_empty()));
            check_payment(&payment);
        }
        Ok(Some(WebhookFacts::Customer(CustomerFact { customer, invoices, subscription, .. }))) => {
            assert!(!customer.is_empty());
            check_invoices(&invoices);
            check_stored(&subscription);
        }
        Ok(None) => {}
        Err(message) => assert!(!message.is_empty()),
    }
    objects(payload, received_at);
}

/// The readers of objects that Stripe's API returns.
fn objects(payload: &str, at: Instant) {
    let Ok(envelope) = serde_json::from_str::<Value>(payload) else { return };
    for object in [&envelope, &envelope["data"]["object"]] {
        subscriptions::read(object, at).iter().for_each(check_stored);
        subscriptions::list(object, 1, at).iter().for_each(check_stored);
        schedules::read(object).iter().for_each(check_stored);
        invoices::list(object).iter().for_each(check_invoices);
        let _ = invoices::of_payment(object);
        refunds_and_disputes(object, object, at).iter().for_each(check_payment);
    }
}

fn check_payment(payment: &Payment) {
    check_stored(payment);
    let mut joined = payment.clone();
    joined.join(payment);
    assert_eq!(joined, *payment);
    let paid = payment.paid_minor.unwrap_or_default();
    assert!(payment.returned_minor() <= paid && payment.withheld_minor() <= paid - payment.returned_minor());
    assert!(payment.clawback_of(Tokens::MAX) <= Tokens::MAX && payment.freeze_of(Tokens::MAX) <= Tokens::MAX);
    assert!(payment.credits_minor().len() <= payment.refunds.len() + payment.disputes.len() + 1);
}

fn check_invoices(invoices: &Invoices) {
    check_stored(invoices);
    let mut joined = invoices.clone();
    joined.join(invoices);
    assert_eq!(joined, *invoices);
    assert!(!invoices.lacks(invoices));
    invoices.0.values().for_each(|invoice| check_payment(&invoice.payment));
}

/// Facts are stored as JSON, in which Postgres accepts every character but one.
#[track_caller]
fn check_stored<T: Debug + PartialEq + Serialize + DeserializeOwned>(facts: &T) {
    let json = serde_json::to_string(facts).unwrap_or_default();
    assert!(!json.replace(r"\\", "").contains(r"\u0000"), "{json}");
    assert_eq!(serde_json::from_str::<T>(&json).ok().as_ref(), Some(facts), "{json}");
}
