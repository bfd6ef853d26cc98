//! Subscriptions: Stripe's state of the plans that an organization pays for, as of a read, and our record of it.
//!
//! Subscription events arrive late, more than once and in any order, so none is acted on. Each triggers a new read of
//! all the customer's subscriptions. A read's number is drawn before the request, so of two reads the one with the
//! larger number is at least as recent. [`standing`](super::standing) concludes from the record what applies.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    billing::{money::Currency, period::Anchor, schedule::Schedule},
    catalog::{Catalog, Plan},
    time::Instant,
};

/// All subscriptions of a customer to our plans, ended ones included, at the time of a read. Subscriptions to other
/// products are not part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionSnapshot {
    /// The snapshot's number, drawn before the read. The largest number wins.
    pub number: i64,
    /// When the read was answered.
    pub read_at: Instant,
    /// The subscriptions.
    pub subscriptions: Vec<Subscription>,
}

/// A subscription to a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The Stripe id: `sub_…`.
    pub id: String,
    /// The status at Stripe.
    pub status: Status,
    /// The currency it is charged in.
    #[serde(default)]
    pub currency: Currency,
    /// When it was created.
    pub created_at: Instant,
    /// The anchor of its billing periods.
    pub anchor: Anchor,
    /// The items whose price names a plan; at least one. Add-ons are left out.
    pub lines: Vec<PlanLine>,
    /// When its free trial ends or ended; `None` if it never had one.
    pub trial_end: Option<Instant>,
    /// When it is set to end; `None` if it renews.
    pub cancel_at: Option<Instant>,
    /// When it ended; `None` if it has not.
    pub ended_at: Option<Instant>,
    /// Whether payment collection is paused: its invoices are not charged meanwhile.
    pub collection_paused: bool,
    /// Whether its invoices are mailed and paid by hand, instead of charged automatically.
    pub is_mailed: bool,
    /// The change that waits for its payment to be confirmed; `None` if there is none.
    pub pending: Option<PendingUpdate>,
    /// The schedule that changes it; `None` if there is none.
    #[serde(default)]
    pub schedule: Option<Schedule>,
}

/// An item of a subscription whose price names a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLine {
    /// The item's Stripe id, which a plan change must name: `si_…`.
    pub item: String,
    /// The plan's name as Stripe has it. The catalog may not have such a plan.
    pub plan: String,
    /// The start of its current billing period.
    pub start: Instant,
    /// The end of its current billing period: one month after the start, or a year for a yearly price.
    pub end: Instant,
}

/// A change that Stripe applies once its invoice is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingUpdate {
    /// When Stripe drops the change if it is still unpaid.
    pub expires_at: Instant,
}

impl Subscription {
    /// Returns an active subscription to the monthly `plan`, in its first month from `start` on.
    pub fn monthly(id: String, plan: &str, start: Instant) -> Self {
        let anchor = Anchor(start);
        let line = PlanLine { item: String::new(), plan: plan.into(), start, end: anchor.period_at(start).end };
        Self {
            id,
            status: Status::Active,
            currency: Currency::default(),
            created_at: start,
            anchor,
            lines: vec![line],
            trial_end: None,
            cancel_at: None,
            ended_at: None,
            collection_paused: false,
            is_mailed: false,
            pending: None,
            schedule: None,
        }
    }

    /// Returns the first change after `now` to a plan other than `current` that is scheduled at Stripe, and its instant.
    pub fn scheduled_change<'a>(
        &self,
        current: &Plan,
        catalog: &'a Catalog,
        now: Instant,
    ) -> Option<(Instant, &'a Plan)> {
        self.schedule.as_ref()?.next_change(current, catalog, now)
    }

    /// Returns the name of its plan at Stripe. If it has several, the first one's.
    pub fn plan_name(&self) -> &str {
        self.lines.first().map(|line| line.plan.as_str()).unwrap_or_default()
    }
}

impl SubscriptionSnapshot {
    /// Returns the snapshot of a customer who subscribes to `plan` at `start`, for a preview.
    pub fn of_new_subscription(plan: &str, start: Instant) -> Self {
        let subscription = Subscription::monthly(String::new(), plan, start);
        Self { number: i64::MAX, read_at: start, subscriptions: vec![subscription] }
    }
}

/// The status of a subscription at Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The first payment is pending, or waits for the customer's confirmation.
    Incomplete,
    /// The first payment was not made in time.
    IncompleteExpired,
    /// In its free trial.
    Trialing,
    /// Paid, or its mailed invoice is not due yet.
    Active,
    /// The latest invoice was not paid when due.
    PastDue,
    /// The latest invoice was not paid, and Stripe no longer tries to collect it.
    Unpaid,
    /// Ended.
    Canceled,
    /// Its trial ended without a payment method. Stripe issues no invoices until it is resumed.
    Paused,
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 8] = [
        Self::Incomplete,
        Self::IncompleteExpired,
        Self::Trialing,
        Self::Active,
        Self::PastDue,
        Self::Unpaid,
        Self::Canceled,
        Self::Paused,
    ];

    /// The name at Stripe.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Unpaid => "unpaid",
            Self::Canceled => "canceled",
            Self::Paused => "paused",
        }
    }

    /// Parses a name from [`as_str`](Self::as_str); `None` if it is unknown.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether the plan is paid or on trial.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Trialing | Self::Active)
    }

    /// Whether an invoice is overdue.
    pub const fn is_overdue(self) -> bool {
        matches!(self, Self::PastDue | Self::Unpaid)
    }

    /// Whether it ended, or never started.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }

    /// Whether it gave the customer a plan at some time.
    const fn has_started(self) -> bool {
        !matches!(self, Self::Incomplete | Self::IncompleteExpired)
    }
}

/// Our record of an organization's subscriptions.
///
/// It is the latest snapshot, and the facts about past ones that Stripe's state no longer shows. These only grow, so
/// the order of arrival does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subscriptions {
    /// The number of the latest snapshot; 0 before the first.
    pub number: i64,
    /// The subscriptions, by Stripe id.
    pub by_id: BTreeMap<String, RecordedSubscription>,
    /// The Stripe id of the subscription that the organization's plan comes from. `None` if it comes from none.
    pub in_force: Option<String>,
    /// When the plan ended with its subscription. `None` while a subscription is in force, and if none ever was.
    pub ended_at: Option<Instant>,
}

/// A subscription and what is known about its past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedSubscription {
    /// Its state in the latest snapshot.
    pub latest: Subscription,
    /// The plans that were paid or on trial in each billing period, by the period's start. The largest one counts for
    /// the whole period: a downgrade waits for the next one.
    pub plans_seen: BTreeMap<Instant, BTreeSet<String>>,
    /// The plans in each billing period while it was overdue, by the period's start.
    #[serde(default)]
    pub plans_overdue: BTreeMap<Instant, BTreeSet<String>>,
    /// The time of the first snapshot in which it was overdue without interruption; `None` if it is not overdue.
    pub overdue_since: Option<Instant>,
}

/// The number of billing periods per subscription whose plans are remembered.
const MAX_PERIODS_SEEN: usize = 24;

impl Subscriptions {
    /// Records a snapshot and earlier states of subscriptions that events report. A stale snapshot is ignored; earlier
    /// states only add to [`plans_seen`](RecordedSubscription::plans_seen). A subscription that a newer snapshot lacks,
    /// because its customer was deleted, has ended.
    pub fn record(&mut self, snapshot: &SubscriptionSnapshot, reported: &[Subscription]) {
        if snapshot.number > self.number {
            self.number = snapshot.number;
            for (id, known) in &mut self.by_id {
                let is_missing = snapshot.subscriptions.iter().all(|it| it.id != *id);
                if is_missing && !known.latest.status.is_over() {
                    known.latest.status = Status::Canceled;
                    known.latest.ended_at = Some(snapshot.read_at);
                    known.overdue_since = None;
                }
            }
            for latest in &snapshot.subscriptions {
                let recorded = self.by_id.entry(latest.id.clone()).or_insert_with(|| RecordedSubscription {
                    latest: latest.clone(),
                    plans_seen: BTreeMap::new(),
                    plans_overdue: BTreeMap::new(),
                    overdue_since: None,
                });
                let since = recorded.overdue_since.unwrap_or(snapshot.read_at);
                recorded.overdue_since = latest.status.is_overdue().then_some(since);
                recorded.latest = latest.clone();
            }
        }
        for subscription in snapshot.subscriptions.iter().chain(reported) {
            if let Some(known) = self.by_id.get_mut(&subscription.id) {
                known.see(subscription);
            }
        }
    }

    /// Whether both describe the same state at Stripe, regardless of the time of the read.
    pub fn has_same_state(&self, other: &Self) -> bool {
        self.by_id.values().map(|it| &it.latest).eq(other.by_id.values().map(|it| &it.latest))
    }

    /// Returns the subscription in force.
    pub fn current(&self) -> Option<&Subscription> {
        self.by_id.get(self.in_force.as_ref()?).map(|it| &it.latest)
    }

    /// Returns a subscription whose first payment is not made yet.
    pub fn incomplete(&self) -> Option<&Subscription> {
        self.with_status(Status::Incomplete)
    }

    /// Returns a subscription that can be resumed.
    pub fn paused(&self) -> Option<&Subscription> {
        self.with_status(Status::Paused)
    }

    fn with_status(&self, status: Status) -> Option<&Subscription> {
        self.by_id.values().map(|it| &it.latest).find(|it| it.status == status)
    }

    /// Whether the organization ever had a subscription, so that another one has no free trial.
    pub fn had_any(&self) -> bool {
        self.ended_at.is_some() || self.by_id.values().any(|it| it.latest.status.has_started())
    }
}

impl RecordedSubscription {
    fn see(&mut self, state: &Subscription) {
        let seen = match state.status {
            Status::Trialing | Status::Active => &mut self.plans_seen,
            Status::PastDue | Status::Unpaid => &mut self.plans_overdue,
            Status::Incomplete | Status::IncompleteExpired | Status::Canceled | Status::Paused => return,
        };
        for line in &state.lines {
            seen.entry(line.start).or_default().insert(line.plan.clone());
        }
        while seen.len() > MAX_PERIODS_SEEN {
            seen.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_that_the_migration_writes_loads() {
        let stored = r#"{"number": 7, "in_force": "sub_1", "ended_at": null, "by_id": {"sub_1": {
            "plans_seen": {}, "overdue_since": null, "latest": {
                "id": "sub_1", "status": "active", "created_at": "2026-01-31T09:00:00Z", "anchor": "2026-01-31T09:00:00Z",
                "lines": [{"item": "si_1", "plan": "pro", "start": "2026-01-31T09:00:00Z", "end": "2026-02-28T09:00:00+00:00"}],
                "collection_paused": false, "is_mailed": false}}}}"#;
        let record: Subscriptions = serde_json::from_str(stored).unwrap();
        assert_eq!(record.current().map(Subscription::plan_name), Some("pro"));
    }
}
