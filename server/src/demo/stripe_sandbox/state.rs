//! The sandbox's state, and its queries.

use std::{cmp::Reverse, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    billing_records::{Invoice, Price, Subscription},
    error::{ApiError, SandboxError},
    ids::new_id,
    objects,
    records::{Customer, Dispute, Event, Payment, PortalSession, Refund, Session, StoredResponse},
    schedules::Schedule,
};

/// All records, by id.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// The base URL of the sandbox's pages.
    #[serde(skip)]
    pub(super) base: String,
    /// The last number given out. Ids are random, so numbers order the lists that people read.
    last_number: u64,
    pub(super) customers: BTreeMap<String, Customer>,
    pub(super) deleted_customers: BTreeMap<String, Customer>,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) payments: BTreeMap<String, Payment>,
    pub(super) refunds: BTreeMap<String, Refund>,
    pub(super) disputes: BTreeMap<String, Dispute>,
    pub(super) prices: BTreeMap<String, Price>,
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    pub(super) schedules: BTreeMap<String, Schedule>,
    pub(super) invoices: BTreeMap<String, Invoice>,
    pub(super) portal_sessions: BTreeMap<String, PortalSession>,
    /// By idempotency key.
    pub(super) responses: BTreeMap<String, StoredResponse>,
    /// Oldest first.
    pub(super) events: Vec<Event>,
}

impl State {
    /// Returns the next number.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Returns a session that can be paid.
    pub(super) fn open_session(&self, id: &str, now: i64) -> Result<&Session, SandboxError> {
        let session = self.session(id)?;
        if !session.is_open(now) {
            return Err(SandboxError::WrongState("This checkout is no longer open."));
        }
        if session.customer().is_some_and(|customer| self.deleted_customers.contains_key(customer)) {
            return Err(SandboxError::WrongState("The customer of this checkout was deleted."));
        }
        Ok(session)
    }

    pub(super) fn session(&self, id: &str) -> Result<&Session, SandboxError> {
        self.sessions.get(id).ok_or_else(|| SandboxError::Unknown("checkout session", id.to_owned()))
    }

    /// Sums the refunds of a payment that have not failed.
    pub(super) fn refunded_cents(&self, payment_intent: &str) -> u64 {
        let refunds = self.refunds.values().filter(|refund| refund.payment_intent == payment_intent && !refund.failed);
        refunds.map(|refund| refund.amount_cents).sum()
    }

    /// Checks the customer that a request's parameter `customer` names.
    pub(super) fn check_customer(&self, id: Option<&str>) -> Result<(), ApiError> {
        match id {
            Some(id) if !self.customers.contains_key(id) => Err(ApiError::unknown("customer", "customer", id)),
            _ => Ok(()),
        }
    }

    /// Returns a customer's subscriptions, newest first.
    pub(super) fn subscriptions_of(&self, customer: &str) -> Vec<&Subscription> {
        let mut all: Vec<_> = self.subscriptions.values().filter(|it| it.customer == customer).collect();
        all.sort_by_key(|it| Reverse(it.number));
        all
    }

    /// Returns a customer's invoices, oldest first.
    pub(super) fn invoices_of(&self, customer: &str) -> Vec<&Invoice> {
        let mut all: Vec<_> = self.invoices.values().filter(|it| it.customer == customer).collect();
        all.sort_by_key(|it| it.number);
        all
    }

    /// Queues an event about `object`.
    pub(super) fn emit(&mut self, kind: &str, object: &Value, now: i64) {
        let id = new_id("evt_");
        let event = objects::event(&id, kind, object, now);
        self.queue(id, kind, &event);
    }

    /// Queues an event.
    pub(super) fn queue(&mut self, id: String, kind: &str, event: &Value) {
        let payload = event.to_string();
        self.events.push(Event { id, kind: kind.to_owned(), payload, copies: None, failures: 0, due: None });
    }
}

impl Event {
    pub(super) fn is_delivered(&self) -> bool {
        self.copies == Some(0)
    }
}
