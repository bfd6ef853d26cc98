//! The records that the sandbox stores: plain data. Instants are in seconds since 1970.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    /// Whether the customer's card is declined when an invoice is due.
    pub(super) card_fails: bool,
}

/// A plan's monthly price. It never changes, but a new price can take over its lookup key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Price {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) product: String,
    pub(super) name: String,
    pub(super) lookup_key: String,
    pub(super) unit_cents: u64,
    pub(super) metadata: BTreeMap<String, String>,
}

/// A half-open interval: `start` is included, `end` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
}

/// A Checkout session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) created: i64,
    pub(super) expires_at: i64,
    pub(super) client_reference_id: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) mode: SessionMode,
    pub(super) success_url: String,
    pub(super) cancel_url: Option<String>,
    pub(super) progress: Progress,
}

/// What a session sells.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SessionMode {
    Subscription(Signup),
    Payment(Sale),
}

/// A subscription to a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Signup {
    pub(super) customer: String,
    pub(super) price: Price,
    pub(super) trial_days: Option<u32>,
    pub(super) subscription_metadata: BTreeMap<String, String>,
}

/// A one-time payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sale {
    pub(super) customer: Option<String>,
    pub(super) payment_metadata: BTreeMap<String, String>,
    pub(super) item: String,
    pub(super) quantity: u64,
    pub(super) amount_cents: u64,
}

/// A session's state. `object_id` is the payment intent or the subscription that it created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Progress {
    Open,
    Expired,
    /// The bank debit is pending.
    Processing {
        object_id: String,
    },
    /// Paid, or started with a trial.
    Paid {
        object_id: String,
    },
    /// The bank debit failed.
    Failed {
        object_id: String,
    },
}

/// A payment intent.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Payment {
    pub(super) id: String,
    pub(super) customer: Option<String>,
    pub(super) item: String,
    pub(super) amount_cents: u64,
    pub(super) metadata: BTreeMap<String, String>,
    /// `None` until the payment succeeds.
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
    pub(super) status: DisputeStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DisputeStatus {
    NeedsResponse,
    Won,
    Lost,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Subscription {
    pub(super) id: String,
    /// The id of its only subscription item.
    pub(super) item: String,
    pub(super) number: u64,
    pub(super) created: i64,
    pub(super) customer: String,
    pub(super) price: Price,
    pub(super) metadata: BTreeMap<String, String>,
    /// The instant that its billing periods are counted from.
    pub(super) anchor: i64,
    pub(super) period: Span,
    pub(super) trial: Option<Span>,
    pub(super) status: SubscriptionStatus,
    /// When cancellation at the end of the period was requested.
    pub(super) cancel_requested_at: Option<i64>,
    pub(super) latest_invoice: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SubscriptionStatus {
    /// The bank debit for the first payment is pending.
    Incomplete,
    /// The bank debit for the first payment failed.
    IncompleteExpired {
        at: i64,
    },
    Trialing,
    Active,
    PastDue,
    Canceled {
        at: i64,
    },
}

/// A subscription's invoice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Invoice {
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) created: i64,
    pub(super) customer: String,
    pub(super) subscription: String,
    /// The subscription's metadata when the invoice was issued.
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) reason: BillingReason,
    /// The item shown on invoices and receipts.
    pub(super) item: String,
    pub(super) lines: Vec<InvoiceLine>,
    pub(super) amount_cents: u64,
    pub(super) period: Span,
    /// The number of payment attempts.
    pub(super) attempts: u32,
    pub(super) status: InvoiceStatus,
}

/// Why an invoice was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BillingReason {
    Create,
    Cycle,
    Update,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum InvoiceStatus {
    Open {
        /// When a payment first failed.
        failed_at: Option<i64>,
    },
    Paid {
        at: i64,
        /// `None` if the amount was zero.
        payment_intent: Option<String>,
    },
    Void {
        at: i64,
    },
    Uncollectible {
        at: i64,
    },
}

/// A line of an invoice. Negative `cents` are a credit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct InvoiceLine {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) cents: i64,
    pub(super) is_proration: bool,
    pub(super) period: Span,
}

/// A customer portal session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PortalSession {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) customer: String,
    pub(super) return_url: String,
}

/// The response stored for an idempotency key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredResponse {
    /// The SHA-256 of the request's path and body.
    pub(super) fingerprint: String,
    pub(super) status: u16,
    pub(super) body: Value,
}

/// An event, and the state of its delivery.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) payload: String,
    /// The number of deliveries left. `None` until the first attempt, which sets it.
    pub(super) copies: Option<u32>,
    /// Consecutive failed attempts. Not stored: after a restart every event is due immediately.
    #[serde(skip)]
    pub(super) failures: u32,
    #[serde(skip)]
    pub(super) due: Option<Instant>,
}
