//! The sandbox's books.

use std::{cmp::Reverse, collections::BTreeMap};

use rand::distr::{Alphanumeric, SampleString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    SandboxError, objects,
    plans::{Invoice, Portal, Price, Subscription},
    sessions::Session,
};

/// Everything it knows, each under its id.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// Where its pages are.
    #[serde(skip)]
    pub(super) base: String,
    /// How many things were numbered: ids are random, and people read lists in order.
    count: u64,
    pub(super) customers: BTreeMap<String, Customer>,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) payments: BTreeMap<String, Payment>,
    pub(super) refunds: BTreeMap<String, Refund>,
    pub(super) disputes: BTreeMap<String, Dispute>,
    #[serde(default)]
    pub(super) prices: BTreeMap<String, Price>,
    #[serde(default)]
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    #[serde(default)]
    pub(super) invoices: BTreeMap<String, Invoice>,
    #[serde(default)]
    pub(super) portals: BTreeMap<String, Portal>,
    /// What was answered, by idempotency key.
    pub(super) answers: BTreeMap<String, Answer>,
    /// Oldest first.
    pub(super) events: Vec<Event>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    /// Whether their card is declined when a plan is to be paid by it.
    #[serde(default)]
    pub(super) card_fails: bool,
}

/// A payment intent and, once there is money, its charge.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Payment {
    pub(super) id: String,
    pub(super) customer: Option<String>,
    pub(super) item: String,
    pub(super) amount_cents: u64,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) charge: Option<Charge>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Charge {
    pub(super) id: String,
    pub(super) created: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) created: i64,
    pub(super) payment_intent: String,
    pub(super) charge: String,
    pub(super) amount_cents: u64,
    pub(super) failed: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) created: i64,
    pub(super) payment_intent: String,
    pub(super) charge: String,
    pub(super) amount_cents: u64,
    pub(super) standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    NeedsResponse,
    Won,
    Lost,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    /// SHA-256 of the path and the body it answers.
    pub(super) fingerprint: String,
    pub(super) status: u16,
    pub(super) body: Value,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) payload: String,
    /// How often it is yet to be sent; decided when it is first sent.
    pub(super) copies: Option<u32>,
    /// How often in a row it was not taken. After a restart everything is due at once.
    #[serde(skip)]
    pub(super) failures: u32,
    #[serde(skip)]
    pub(super) due: Option<Instant>,
}

impl State {
    /// The number of the next thing.
    pub(super) fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// A session that can be paid.
    pub(super) fn open_session(&self, id: &str, now: i64) -> Result<&Session, SandboxError> {
        let session = self.session(id)?;
        if !session.is_open(now) {
            return Err(SandboxError::WrongState("This checkout is no longer open."));
        }
        Ok(session)
    }

    pub(super) fn session(&self, id: &str) -> Result<&Session, SandboxError> {
        self.sessions.get(id).ok_or_else(|| SandboxError::Unknown("checkout session", id.to_owned()))
    }

    /// What came back of a payment, refunds that failed aside.
    pub(super) fn refunded_cents(&self, payment_intent: &str) -> u64 {
        let refunds = self.refunds.values().filter(|refund| refund.payment_intent == payment_intent && !refund.failed);
        refunds.map(|refund| refund.amount_cents).sum()
    }

    pub(super) fn card_works(&self, customer: &str) -> bool {
        self.customers.get(customer).is_none_or(|customer| !customer.card_fails)
    }

    /// A customer's subscriptions, newest first.
    pub(super) fn subscriptions_of(&self, customer: &str) -> Vec<&Subscription> {
        let mut all: Vec<_> = self.subscriptions.values().filter(|it| it.customer == customer).collect();
        all.sort_by_key(|it| Reverse(it.number));
        all
    }

    /// A customer's invoices, oldest first.
    pub(super) fn invoices_of(&self, customer: &str) -> Vec<&Invoice> {
        let mut all: Vec<_> = self.invoices.values().filter(|it| it.customer == customer).collect();
        all.sort_by_key(|it| it.number);
        all
    }

    /// Queues an event about `object`.
    pub(super) fn emit(&mut self, kind: &str, object: &Value, now: i64) {
        let id = new_id("evt_");
        let payload = objects::event(&id, kind, object, now).to_string();
        self.events.push(Event { id, kind: kind.to_owned(), payload, copies: None, failures: 0, due: None });
    }
}

impl Event {
    pub(super) fn is_delivered(&self) -> bool {
        self.copies == Some(0)
    }
}

/// An id that nobody has yet, in Stripe's form.
pub(super) fn new_id(prefix: &str) -> String {
    format!("{prefix}{}", Alphanumeric.sample_string(&mut rand::rng(), 24))
}
