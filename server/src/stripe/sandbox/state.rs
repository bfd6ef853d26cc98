//! The sandbox's books.

use std::collections::BTreeMap;

use rand::distr::{Alphanumeric, SampleString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::{SandboxError, objects};

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
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) created: i64,
    pub(super) expires_at: i64,
    pub(super) customer: Option<String>,
    pub(super) client_reference_id: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) payment_metadata: BTreeMap<String, String>,
    pub(super) item: String,
    pub(super) quantity: u64,
    pub(super) amount_cents: u64,
    pub(super) success_url: String,
    pub(super) cancel_url: Option<String>,
    pub(super) progress: Progress,
}

/// How far a session is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Progress {
    Open,
    Expired,
    /// The bank was asked for the money.
    Processing {
        payment_intent: String,
    },
    Paid {
        payment_intent: String,
    },
    Bounced {
        payment_intent: String,
    },
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

    /// Queues an event about `object`.
    pub(super) fn emit(&mut self, kind: &str, object: &Value, now: i64) {
        let id = new_id("evt_");
        let payload = objects::event(&id, kind, object, now).to_string();
        self.events.push(Event { id, kind: kind.to_owned(), payload, copies: None, failures: 0, due: None });
    }
}

impl Session {
    /// Whether it can be paid: past its time it cannot, though its event may not have been told yet.
    pub(super) fn is_open(&self, now: i64) -> bool {
        self.progress == Progress::Open && now < self.expires_at
    }

    pub(super) fn status(&self, now: i64) -> &'static str {
        match self.progress {
            Progress::Open if self.is_open(now) => "open",
            Progress::Open | Progress::Expired => "expired",
            Progress::Processing { .. } | Progress::Paid { .. } | Progress::Bounced { .. } => "complete",
        }
    }

    pub(super) fn payment_intent(&self) -> Option<&str> {
        match &self.progress {
            Progress::Open | Progress::Expired => None,
            Progress::Processing { payment_intent }
            | Progress::Paid { payment_intent }
            | Progress::Bounced { payment_intent } => Some(payment_intent),
        }
    }

    /// Where people go who are done.
    pub(super) fn return_address(&self) -> String {
        self.success_url.replace("{CHECKOUT_SESSION_ID}", &self.id)
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
