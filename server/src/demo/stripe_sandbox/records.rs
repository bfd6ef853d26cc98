//! The records that the sandbox stores: plain data. Instants are in seconds since 1970.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    billing_details::{Address, BillingDetails},
    billing_records::{Price, usd},
    collection::Card,
};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) card: Card,
    #[serde(default)]
    pub(super) address: Option<Address>,
    /// A tax id: its type and its value.
    #[serde(default)]
    pub(super) tax_id: Option<(String, String)>,
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
    #[serde(default)]
    pub(super) options: CheckoutOptions,
    /// The discount in percent.
    #[serde(default)]
    pub(super) percent_off: u8,
    /// The billing details that the customer entered.
    #[serde(default)]
    pub(super) details: Option<BillingDetails>,
    #[serde(default)]
    pub(super) invoice: Option<String>,
}

/// The details that a session collects and the invoice that it creates, besides the payment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct CheckoutOptions {
    pub(super) automatic_tax: bool,
    pub(super) collects_tax_id: bool,
    pub(super) requires_address: bool,
    /// Whether the customer gets the entered address.
    pub(super) updates_address: bool,
    pub(super) allows_promotion_codes: bool,
    /// The metadata of a one-time payment's invoice. `None`: it has no invoice.
    pub(super) invoice_metadata: Option<BTreeMap<String, String>>,
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
    /// In the currency's smallest unit, like all amounts here.
    pub(super) amount_cents: u64,
    #[serde(default = "usd")]
    pub(super) currency: String,
}

/// A session's state. `object_id` is the payment intent or the subscription that it created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Progress {
    Open,
    Expired,
    /// Completed without a payment.
    Free,
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
    #[serde(default = "usd")]
    pub(super) currency: String,
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
    #[serde(default = "usd")]
    pub(super) currency: String,
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
    #[serde(default = "usd")]
    pub(super) currency: String,
    pub(super) status: DisputeStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DisputeStatus {
    NeedsResponse,
    Won,
    Lost,
    /// An inquiry: no money has moved yet.
    WarningNeedsResponse,
    /// An inquiry that ended without a dispute.
    WarningClosed,
}

impl DisputeStatus {
    /// Stripe's name of the status.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NeedsResponse => "needs_response",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::WarningNeedsResponse => "warning_needs_response",
            Self::WarningClosed => "warning_closed",
        }
    }

    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::NeedsResponse | Self::WarningNeedsResponse)
    }
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
