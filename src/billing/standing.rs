//! The standing of an organization: the plan, the license facts and the problems that follow from all its subscriptions
//! and invoices.
//!
//! One pure function of the whole record, so neither the order nor the number of events matters.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};

use crate::{
    billing::{
        invoices::{Invoice, Invoices},
        money::Currency,
        returns::ReturnedShare,
        subscription::{PlanLine, RecordedSubscription, Status, Subscription, Subscriptions},
    },
    catalog::{Catalog, Plan},
    names::PlanName,
    time::Instant,
};

/// The conclusions from an organization's subscriptions and invoices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    /// The plan that is paid for; `None` if no subscription is in force.
    pub in_force: Option<InForce<'a>>,
    /// Since when a payment is overdue, or from when on it will be; `None` if nothing is due.
    pub overdue_since: Option<Instant>,
    /// The invoice that is overdue, or will be, first. `None` if nothing is due, or if only the subscription's status says
    /// so.
    pub due: Option<&'a Invoice>,
    /// When the last subscription ended; `None` while one is in force, and if none ever was.
    pub ended_at: Option<Instant>,
    /// The problems that staff must solve at Stripe.
    pub problems: Vec<Problem>,
}

impl Standing<'_> {
    /// Returns the currencies that the organization may be charged in: its subscription's, because Stripe refuses another
    /// one for the same customer; without a subscription, those of the catalog's prices, its own first.
    pub fn currencies(&self, catalog: &Catalog) -> Vec<Currency> {
        match &self.in_force {
            Some(in_force) => vec![in_force.subscription.currency],
            None => catalog.currencies(),
        }
    }

    /// Returns the currency that the organization is charged in: the requested one if it may be, else the first that may.
    pub fn currency(&self, requested: Option<Currency>, catalog: &Catalog) -> Currency {
        let currencies = self.currencies(catalog);
        let requested = requested.filter(|currency| currencies.contains(currency));
        requested.or(currencies.first().copied()).unwrap_or(catalog.currency)
    }
}

/// The subscription in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce<'a> {
    /// The subscription.
    pub subscription: &'a Subscription,
    /// The line of the plan. A plan change must name its item.
    pub line: &'a PlanLine,
    /// The plan now; `None` if the catalog has no such plan. Then the last known plan holds.
    pub plan: Option<&'a Plan>,
    /// The next plan and when it starts; `None` if the plan renews.
    pub next: Option<NextPlan>,
    /// A billing period that starts at or after this instant has no allowance until it is paid. `None`: no limit.
    pub allowance_until: Option<Instant>,
    /// The share of the current period's payment that went back: the allowance is reduced by it.
    pub returned: ReturnedShare,
}

/// A plan that starts in the future.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextPlan {
    /// The plan.
    pub plan: PlanName,
    /// When it starts.
    pub from: Instant,
}

/// A state at Stripe that only a person can resolve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The organization pays for several plans. The largest paid one counts.
    SeveralPlans,
    /// A price names a plan that the catalog does not have. The last known plan holds.
    UnknownPlan(String),
}

/// Draws the conclusions at `now`.
///
/// If several subscriptions are live, a paid one is in force before an overdue one, and a larger plan before a smaller
/// one.
pub fn assess<'a>(
    record: &'a Subscriptions,
    invoices: &'a Invoices,
    catalog: &'a Catalog,
    now: Instant,
) -> Standing<'a> {
    let candidates = record.by_id.values().filter_map(|it| Candidate::new(it, invoices, catalog, now));
    let first = candidates.min_by_key(|it| {
        let latest = &it.recorded.latest;
        (it.rank, Reverse(it.plan.map(|plan| catalog.plan_rank(&plan.name))), latest.created_at, latest.id.clone())
    });
    let subscription = first.as_ref().map(|it| it.recorded);
    // Without a subscription, invoices only count if subscriptions were never read: then they are all that is known.
    let counts = subscription.is_some() || record.number == 0;
    let overdue_since = if counts { invoices.overdue_since(subscription) } else { None };
    let due = invoices.first_due(subscription).filter(|_| overdue_since.is_some());
    let ended_at = if first.is_some() { None } else { ended_at(record, now) };
    let in_force = first.map(|it| InForce {
        subscription: &it.recorded.latest,
        line: it.line,
        plan: it.plan,
        next: it.next(catalog, now),
        allowance_until: it.allowance_until(invoices, now),
        returned: invoices.returned_share(&it.recorded.latest.id, it.line.start),
    });
    Standing { in_force, overdue_since, due, ended_at, problems: problems(record, catalog) }
}

/// A live subscription that may be the one in force.
struct Candidate<'a> {
    recorded: &'a RecordedSubscription,
    line: &'a PlanLine,
    plan: Option<&'a Plan>,
    /// Paid ones first, then overdue ones, then paused ones.
    rank: u8,
    /// When it ends; `None` if it renews.
    end: Option<Instant>,
}

impl<'a> Candidate<'a> {
    /// Returns `None` if the subscription has ended by `now`, or never started.
    fn new(
        recorded: &'a RecordedSubscription,
        invoices: &Invoices,
        catalog: &'a Catalog,
        now: Instant,
    ) -> Option<Self> {
        let latest = &recorded.latest;
        let lines = latest.lines.iter().map(|line| (line, plan_at(recorded, line, (invoices, catalog), now)));
        let (line, plan) = lines
            .max_by_key(|(line, plan)| (plan.map(|plan| catalog.plan_rank(&plan.name)), Reverse(line.item.as_str())))?;
        let rank = match latest.status {
            Status::Active | Status::Trialing => 0,
            Status::PastDue => 1,
            Status::Unpaid => 2,
            Status::Paused => 3,
            Status::Incomplete | Status::IncompleteExpired | Status::Canceled => return None,
        };
        let paused_from = (latest.status == Status::Paused).then(|| paid_until(latest, line, invoices));
        let end = [latest.cancel_at, paused_from].into_iter().flatten().min();
        // Stripe may be a moment late to end a subscription that it was told to end.
        end.is_none_or(|end| now < end).then_some(Self { recorded, line, plan, rank, end })
    }

    fn next(&self, catalog: &Catalog, now: Instant) -> Option<NextPlan> {
        let rank = |plan: &Plan| catalog.plan_rank(&plan.name);
        let renewed = catalog.plan_named(&self.line.plan).filter(|_| now < self.line.end);
        let smaller = renewed.zip(self.plan).filter(|(renewed, plan)| rank(renewed) < rank(plan));
        let downgrade = smaller.map(|(renewed, _)| NextPlan { plan: renewed.name.clone(), from: self.line.end });
        let scheduled = self.plan.and_then(|plan| {
            let (at, next) = self.recorded.latest.scheduled_change(plan, catalog, now)?;
            // The larger plan of a billing period counts until its end.
            let from = if rank(next) < rank(plan) { at.max(self.line.end) } else { at };
            Some(NextPlan { plan: next.name.clone(), from })
        });
        let cancellation = self.end.zip(catalog.free_plan());
        let cancellation = cancellation.map(|(from, free)| NextPlan { plan: free.name.clone(), from });
        [scheduled, downgrade, cancellation].into_iter().flatten().min_by_key(|next| next.from)
    }

    fn allowance_until(&self, invoices: &Invoices, now: Instant) -> Option<Instant> {
        let latest = &self.recorded.latest;
        let unpaid_trial = latest.trial_end.filter(|end| !invoices.paid_since(&latest.id, *end));
        // A mailed invoice is paid later: until it is due, the period has its allowance.
        let unpaid_trial = unpaid_trial.filter(|_| latest.status == Status::Trialing || !latest.is_mailed);
        let paused = latest.collection_paused.then(|| paid_until(latest, self.line, invoices));
        // No further month of a period whose whole payment went back. The next period has a payment of its own.
        let returned = invoices.returned_share(&latest.id, self.line.start).is_whole();
        let returned = (returned && now < self.line.end).then_some(now);
        [unpaid_trial, paused, self.end, returned].into_iter().flatten().min()
    }
}

/// Returns the end of the time that is paid or on trial, for a subscription whose payments stopped: the end of its
/// current billing period if an invoice of that period was paid, else its start.
fn paid_until(latest: &Subscription, line: &PlanLine, invoices: &Invoices) -> Instant {
    match latest.trial_end {
        Some(end) if end > line.start => end,
        _ if invoices.paid_since(&latest.id, line.start) => line.end,
        _ => line.start,
    }
}

/// Returns the plan of a line at `now`: the largest one of its current billing period that is paid or, in grace, billed
/// by the renewal. If the period has passed since the last read, the plan that it renews as. `None` if the catalog has
/// none of them.
fn plan_at<'a>(
    recorded: &RecordedSubscription,
    line: &PlanLine,
    (invoices, catalog): (&Invoices, &'a Catalog),
    now: Instant,
) -> Option<&'a Plan> {
    let plans = |seen: &BTreeMap<Instant, BTreeSet<String>>| -> Vec<&'a Plan> {
        let names = seen.get(&line.start).filter(|_| now < line.end).into_iter().flatten();
        names.filter_map(|name| catalog.plan_named(name)).collect()
    };
    let rank = |plan: &&Plan| catalog.plan_rank(&plan.name);
    let (seen, overdue) = (plans(&recorded.plans_seen), plans(&recorded.plans_overdue));
    // A larger plan whose own invoice is unpaid is not in force.
    let paid = if invoices.has_unpaid_change(&recorded.latest.id, line.start) {
        seen.into_iter().max_by_key(rank).or_else(|| overdue.into_iter().min_by_key(rank))
    } else {
        seen.into_iter().chain(overdue).max_by_key(rank)
    };
    paid.or_else(|| catalog.plan_named(&line.plan))
}

/// Returns when the plan ended, if it came from a subscription. `None` if it never did, or if it can be resumed.
fn ended_at(record: &Subscriptions, now: Instant) -> Option<Instant> {
    let was_known = (record.in_force.is_some() || record.ended_at.is_some()) && record.paused().is_none();
    let latest = record.by_id.values().map(|it| &it.latest);
    let ends = latest.filter_map(|it| it.ended_at.or(it.cancel_at.filter(|at| *at <= now)));
    was_known.then(|| ends.max().or(record.ended_at).unwrap_or(now))
}

fn problems(record: &Subscriptions, catalog: &Catalog) -> Vec<Problem> {
    let live = record.by_id.values().map(|it| &it.latest).filter(|it| it.status.is_good() || it.status.is_overdue());
    let lines: Vec<&PlanLine> = live.flat_map(|it| &it.lines).collect();
    let mut problems = Vec::new();
    if lines.len() > 1 {
        problems.push(Problem::SeveralPlans);
    }
    let unknown = lines.iter().filter(|line| catalog.plan_named(&line.plan).is_none());
    problems.extend(unknown.map(|line| Problem::UnknownPlan(line.plan.clone())));
    problems
}
