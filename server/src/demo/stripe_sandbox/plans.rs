//! What is paid month after month: prices, subscriptions to them, and their invoices.

use std::collections::BTreeMap;

use brightmeter::{
    billing::{money::dollars, period::Anchor},
    time::Instant,
};
use serde::{Deserialize, Serialize};

use super::state::new_id;

/// In seconds.
pub(super) const DAY: i64 = 24 * 60 * 60;
/// How many days after its first failure an invoice is tried again.
const RETRY_DAYS: [i64; 3] = [3, 5, 7];

/// What a plan costs a month. It never changes.
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

/// From one second up to, not including, another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Subscription {
    pub(super) id: String,
    /// The id of its one item.
    pub(super) item: String,
    pub(super) number: u64,
    pub(super) created: i64,
    pub(super) customer: String,
    pub(super) price: Price,
    pub(super) metadata: BTreeMap<String, String>,
    /// What its months are counted from.
    pub(super) anchor: i64,
    pub(super) period: Span,
    pub(super) trial: Option<Span>,
    pub(super) status: Status,
    /// Since when it is to end with its period.
    pub(super) cancel_asked_at: Option<i64>,
    pub(super) latest_invoice: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// The bank was asked for the first payment.
    Incomplete,
    /// The bank did not make it.
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

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Invoice {
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) created: i64,
    pub(super) customer: String,
    pub(super) subscription: String,
    /// The subscription's, as they were.
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) reason: Reason,
    /// What it is for, on receipts.
    pub(super) item: String,
    pub(super) lines: Vec<Line>,
    pub(super) amount_cents: u64,
    pub(super) period: Span,
    /// How often somebody tried to pay it.
    pub(super) attempts: u32,
    pub(super) settlement: Settlement,
}

/// Why there is an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    Create,
    Cycle,
    Update,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Settlement {
    Open {
        /// When a payment failed for the first time.
        failed_at: Option<i64>,
    },
    Paid {
        at: i64,
        /// There is none where there was nothing to pay.
        payment_intent: Option<String>,
    },
    Void {
        at: i64,
    },
    Uncollectible {
        at: i64,
    },
}

/// What an invoice asks for, or, below zero, gives back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) cents: i64,
    pub(super) is_proration: bool,
    pub(super) period: Span,
}

/// A customer's visit to the portal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Portal {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) customer: String,
    pub(super) return_url: String,
}

impl Price {
    /// As people read it: `Pro, $149 a month`.
    pub(super) fn label(&self) -> String {
        format!("{}, {} a month", self.name, dollars(self.unit_cents))
    }
}

impl Span {
    /// The month that holds `at`, of those counted from `anchor`.
    pub(super) fn month(anchor: i64, at: i64) -> Self {
        let instant = |seconds| Instant::from_timestamp(seconds, 0).unwrap_or_default();
        let period = Anchor(instant(anchor)).period_at(instant(at));
        Self { start: period.start.timestamp(), end: period.end.timestamp() }
    }
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired { .. } => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Canceled { .. } => "canceled",
        }
    }
}

impl Subscription {
    /// Whether it renews.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.status, Status::Trialing | Status::Active | Status::PastDue)
    }

    pub(super) fn ended_at(&self) -> Option<i64> {
        match self.status {
            Status::IncompleteExpired { at } | Status::Canceled { at } => Some(at),
            Status::Incomplete | Status::Trialing | Status::Active | Status::PastDue => None,
        }
    }

    /// What it costs in its period.
    pub(super) fn line(&self) -> Line {
        let Price { name, unit_cents, .. } = &self.price;
        let (description, cents) = match self.status {
            Status::Trialing => (format!("Trial period for {name}"), 0),
            _ => (format!("1 × {name} (at {} / month)", dollars(*unit_cents)), signed(*unit_cents)),
        };
        Line { id: new_id("il_"), description, cents, is_proration: false, period: self.period }
    }
}

impl Invoice {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.settlement, Settlement::Open { .. })
    }

    /// When the card is tried again.
    pub(super) fn next_try(&self) -> Option<i64> {
        let Settlement::Open { failed_at: Some(failed_at) } = &self.settlement else { return None };
        let retries = usize::try_from(self.attempts.checked_sub(1)?).ok()?;
        RETRY_DAYS.get(retries).map(|days| failed_at + days * DAY)
    }

    /// The number that people read on it, such as `ACME-0007`.
    pub(super) fn shown_number(&self) -> String {
        let own = self.customer.trim_start_matches("cus_").chars().filter(char::is_ascii_alphanumeric).take(8);
        format!("{}-{:04}", own.collect::<String>().to_ascii_uppercase(), self.number)
    }

    pub(super) fn status(&self) -> &'static str {
        match self.settlement {
            Settlement::Open { .. } => "open",
            Settlement::Paid { .. } => "paid",
            Settlement::Void { .. } => "void",
            Settlement::Uncollectible { .. } => "uncollectible",
        }
    }
}

impl Reason {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "subscription_create",
            Self::Cycle => "subscription_cycle",
            Self::Update => "subscription_update",
        }
    }
}

/// Cents as they are added up.
pub(super) fn signed(cents: u64) -> i64 {
    i64::try_from(cents).unwrap_or(i64::MAX)
}
