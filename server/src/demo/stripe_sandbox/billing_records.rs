//! The records of prices, subscriptions and invoices: plain data. Instants are in seconds since 1970, amounts in the
//! currency's smallest unit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{billing_details::BillingDetails, changes::Change, discounts::Discount, pauses::Pause};

/// A recurring price. It never changes, but a new price can take over its lookup key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Price {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) product: String,
    pub(super) name: String,
    /// Empty if another price has taken it over.
    pub(super) lookup_key: String,
    pub(super) unit_cents: u64,
    #[serde(default = "usd")]
    pub(super) currency: String,
    #[serde(default)]
    pub(super) interval: Interval,
    /// Whether usage is charged at the end of each period, rather than a quantity at its start.
    #[serde(default)]
    pub(super) metered: bool,
    pub(super) metadata: BTreeMap<String, String>,
}

/// The length of a billing period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Interval {
    #[default]
    Month,
    Year,
}

/// A half-open interval: `start` is included, `end` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Subscription {
    pub(super) id: String,
    /// Never empty.
    pub(super) items: Vec<Item>,
    pub(super) number: u64,
    pub(super) created: i64,
    pub(super) customer: String,
    pub(super) metadata: BTreeMap<String, String>,
    /// The instant that its billing periods are counted from.
    pub(super) anchor: i64,
    pub(super) period: Span,
    pub(super) trial: Option<Span>,
    pub(super) status: SubscriptionStatus,
    /// When cancellation at the end of the period was requested.
    pub(super) cancel_requested_at: Option<i64>,
    pub(super) latest_invoice: Option<String>,
    #[serde(default)]
    pub(super) pending_update: Option<PendingUpdate>,
    #[serde(default)]
    pub(super) pause: Option<Pause>,
    #[serde(default)]
    pub(super) schedule: Option<String>,
    #[serde(default)]
    pub(super) discount: Option<Discount>,
    /// Whether tax is calculated.
    #[serde(default)]
    pub(super) is_taxed: bool,
    /// When mailed invoices are due. `None`: the card is charged.
    #[serde(default)]
    pub(super) days_until_due: Option<u32>,
}

/// A change that applies once its invoice is paid.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PendingUpdate {
    pub(super) change: Change,
    pub(super) expires_at: i64,
    pub(super) invoice: String,
}

/// A subscription item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) price: Price,
    /// The quantity, or the usage per period if the price is metered.
    pub(super) quantity: u64,
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
    /// The trial ended without a card.
    Paused,
    Canceled {
        at: i64,
    },
}

/// An invoice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Invoice {
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) created: i64,
    pub(super) customer: String,
    /// Empty if it bills a one-time payment.
    pub(super) subscription: String,
    /// The subscription's metadata when the invoice was issued, or the invoice's own.
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) reason: BillingReason,
    /// The item shown on invoices and receipts.
    pub(super) item: String,
    pub(super) lines: Vec<InvoiceLine>,
    /// The amount due.
    pub(super) amount_cents: u64,
    #[serde(default = "usd")]
    pub(super) currency: String,
    pub(super) period: Span,
    /// The number of payment attempts.
    pub(super) attempts: u32,
    pub(super) status: InvoiceStatus,
    /// Whether the bank waits for the customer to confirm the payment.
    #[serde(default)]
    pub(super) awaits_confirmation: bool,
    #[serde(default)]
    pub(super) purpose: Purpose,
    /// When it was finalized, if later than it was created.
    #[serde(default)]
    pub(super) finalized_at: Option<i64>,
    /// The due date of a mailed invoice.
    #[serde(default)]
    pub(super) due_at: Option<i64>,
    #[serde(default)]
    pub(super) is_overdue: bool,
    /// The id of its discount.
    #[serde(default)]
    pub(super) discount: Option<String>,
    #[serde(default)]
    pub(super) discount_cents: u64,
    /// `None` if tax isn't calculated.
    #[serde(default)]
    pub(super) tax_cents: Option<u64>,
    /// The customer's billing details when it was issued.
    #[serde(default)]
    pub(super) details: BillingDetails,
}

/// The effect of an invoice's payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Purpose {
    /// It pays for what the subscription already has.
    #[default]
    Period,
    /// It applies the subscription's pending update.
    PendingUpdate,
    /// It resumes the paused subscription.
    Resumption,
}

/// Why an invoice was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BillingReason {
    Create,
    Cycle,
    Update,
    /// It bills a one-time payment.
    Manual,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum InvoiceStatus {
    Draft,
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
    /// The subscription item that it charges. `None` on invoices stored before this field existed.
    #[serde(default)]
    pub(super) item: Option<Item>,
}

/// The currency of records stored before prices had one.
pub(super) fn usd() -> String {
    "usd".into()
}
