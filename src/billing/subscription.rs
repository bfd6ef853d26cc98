//! Subscription snapshots: Stripe's state of the plan that an organization pays for.
//!
//! Subscription events arrive late, more than once and in any order, so none is acted on directly. Each only triggers a
//! new read of the customer's subscriptions. A snapshot's number is drawn before the read, and a snapshot with a
//! smaller number than the last applied one is stale. Every change triggers a read after the change, so the snapshot
//! with the largest number includes it.

use serde::{Deserialize, Serialize};

use crate::{billing::period::Anchor, names::PlanName, time::Instant};

/// Stripe's state of a customer's subscriptions at the time of a read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionSnapshot {
    /// The snapshot's number, drawn before the read. The largest number wins.
    pub number: i64,
    /// The live subscription; `None` if the customer has none.
    pub live: Option<Subscription>,
    /// When the last subscription ended; `None` while one is live.
    pub ended_at: Option<Instant>,
    /// The number of further live subscriptions. The customer pays for each, but only `live` counts.
    pub additional: u32,
}

impl SubscriptionSnapshot {
    /// Returns the snapshot to apply after `known`. A subscription that ended before we knew of any does not count as
    /// ended.
    pub fn applied_after(&self, known: Option<&Self>) -> Self {
        let was_known = known.is_some_and(|known| known.live.is_some() || known.ended_at.is_some());
        Self { ended_at: self.ended_at.filter(|_| was_known), ..self.clone() }
    }

    /// Whether both describe the same subscription state, regardless of their numbers.
    pub fn has_same_state(&self, other: &Self) -> bool {
        (&self.live, self.ended_at) == (&other.live, other.ended_at)
    }
}

/// A live subscription: on trial, paid, or past due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The Stripe id: `sub_…`.
    pub id: String,
    /// The Stripe id of its item, which a plan change must name.
    pub item: String,
    /// The plan of the next invoice.
    pub plan: PlanName,
    /// The anchor of its billing periods.
    pub anchor: Anchor,
    /// Whether it ends with the current period.
    pub ends: bool,
}
