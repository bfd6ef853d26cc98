//! Reconciliation: compares recent purchases and all plans with Stripe.
//!
//! Most differences have one safe fix: applying Stripe's state, in the same way as an event would. The others need
//! attention.

mod compare;
mod difference;
mod report;
mod subjects;

use std::pin::pin;

use brightmeter::time::Instant;
use futures::{StreamExt, TryStreamExt, stream};
use sqlx::PgPool;
use tokio::time;

use self::{
    compare::compare,
    report::Compared,
    subjects::{Subject, Subjects},
};
pub use self::{
    difference::Difference,
    report::{Finding, Position, Report},
};
use super::{plans::Plans, purchases::Purchases};
use crate::storage::{StorageError, purchases, tenant};

/// The number of plans and purchases compared concurrently.
const CONCURRENCY: usize = 8;

/// What to compare, and what to do about differences.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Purchases ordered, and refunds of invoices paid, at or after this instant are compared.
    pub since: Instant,
    /// Start after this plan or purchase. `None`: at the beginning.
    pub from: Option<Position>,
    /// What to do about differences.
    pub action: Action,
}

/// What to do about differences.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Find them and change nothing, within limits. A comparison in progress when a limit is reached is dropped, and
    /// made again by the run that continues.
    Find(Limits),
    /// Fix those that have a safe fix. There are no limits, so that no fix stays unreported.
    Fix,
}

/// When to stop early. By default never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// The number of findings. A plan may exceed it if it is the first one compared and has several findings.
    pub findings: Option<usize>,
    /// The deadline. At least one plan or purchase is compared, however long that takes.
    pub until: Option<time::Instant>,
}

/// Compares every purchase ordered at or after [`Scope::since`], and every plan with the invoices paid since, with Stripe, and calls `found` with
/// each finding as it comes. `writer_pool` is needed to list all organizations. A plan or purchase that cannot be
/// compared becomes a finding and does not stop the others.
///
/// # Errors
/// [`StorageError`] if the purchases or organizations cannot be listed. Fixes made before the error remain.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn run(
    purchases: &Purchases,
    plans: &Plans,
    writer_pool: &PgPool,
    scope: Scope,
    mut found: impl FnMut(&Finding),
) -> Result<Report, StorageError> {
    let (fix, limits) = match scope.action {
        Action::Find(limits) => (false, limits),
        Action::Fix => (true, Limits::default()),
    };
    let subjects = Subjects::new(&purchases.pool, writer_pool, scope.since, scope.from).stream();
    let compared =
        subjects.map_ok(|subject| async move { Ok(compare(purchases, plans, subject, (scope.since, fix)).await) });
    // In order, so that a position says what was compared.
    let mut compared = pin!(compared.try_buffered(CONCURRENCY));
    let (mut report, mut last) = (Report::default(), None);
    while let Some(next) = next_before(limits.until.filter(|_| last.is_some()), &mut compared).await {
        let Some(next) = next? else { return Ok(report) };
        if last.is_some() && limits.findings.is_some_and(|limit| !report.has_room_for(&next, limit)) {
            break;
        }
        last = Some(next.position);
        next.findings.iter().for_each(&mut found);
        report.add(next);
        if limits.findings.is_some_and(|limit| report.findings.len() >= limit) {
            break;
        }
    }
    report.next = last;
    Ok(report)
}

/// Returns the next item of a stream, `Ok(None)` at its end, or `None` if the deadline passes before.
async fn next_before<T, E>(
    until: Option<time::Instant>,
    stream: &mut (impl futures::Stream<Item = Result<T, E>> + Unpin),
) -> Option<Result<Option<T>, E>> {
    let Some(until) = until else { return Some(stream.try_next().await) };
    // A ready item would win against a deadline that has passed.
    if time::Instant::now() >= until {
        return None;
    }
    time::timeout_at(until, stream.try_next()).await.ok()
}

/// Applies Stripe's state to the plans, with the invoices paid at or after `since`, and purchases of `findings` that have
/// a safe fix, until the deadline. Returns
/// the findings as they are now. One that no longer differs is fixed.
///
/// # Errors
/// [`StorageError`] if a purchase cannot be loaded. Fixes made before the error remain.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn fix(
    purchases: &Purchases,
    plans: &Plans,
    findings: Vec<Finding>,
    (since, until): (Instant, time::Instant),
) -> Result<Vec<Finding>, StorageError> {
    let fixes = stream::iter(findings).map(|finding| async move {
        if !finding.is_fixable() || time::Instant::now() >= until {
            return Ok(vec![finding]);
        }
        match time::timeout_at(until, fix_one(purchases, plans, &finding, since)).await {
            Ok(fixed) => fixed,
            Err(_) => Ok(vec![finding]),
        }
    });
    fixes.buffered(CONCURRENCY).try_concat().await
}

/// Fixes one finding. Returns it as fixed, or the differences that remain. A finding without its purchase stays.
async fn fix_one(
    purchases: &Purchases,
    plans: &Plans,
    finding: &Finding,
    since: Instant,
) -> Result<Vec<Finding>, StorageError> {
    let subject = match finding.purchase {
        None => Subject::Plan(finding.org),
        Some(id) => {
            let mut tx = tenant::begin(&purchases.pool, finding.org).await?;
            let Some(order) = purchases::find(&mut tx, finding.org, id).await? else {
                return Ok(vec![finding.clone()]);
            };
            Subject::Purchase(finding.org, Box::new(order))
        }
    };
    let Compared { findings, .. } = compare(purchases, plans, subject, (since, true)).await;
    if let Some(now) = findings.iter().find(|now| now.kind == finding.kind) {
        return Ok(vec![now.clone()]);
    }
    // It no longer differs in this way. The other findings of a plan are listed beside it.
    let differs = |now: &Finding| finding.purchase.is_some() || now.kind == Difference::PlanUnreadable;
    let others: Vec<Finding> = findings.into_iter().filter(differs).collect();
    Ok(if others.is_empty() { vec![Finding { fixed: true, ..finding.clone() }] } else { others })
}
