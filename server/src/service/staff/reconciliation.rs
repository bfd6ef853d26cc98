//! Staff compare purchases and plans with Stripe, page by page, and fix the differences.

use std::time::Duration;

use brightmeter::ids::UserId;
use chrono::TimeDelta;
use tokio::time::{Instant, timeout};

use super::Staff;
pub use crate::service::reconcile::{Difference, Finding, Report};
use crate::{
    service::reconcile::{self, Action, Limits, Scope},
    storage::StorageError,
};

/// The age up to which purchases are compared with Stripe.
const RECONCILE_WINDOW: TimeDelta = TimeDelta::days(90);
/// The timeout of a comparison or a fix.
pub const RECONCILE_TIMEOUT: Duration = Duration::from_secs(60);
/// The time after which a comparison or a fix stops and shows its results so far.
const STOP_AFTER: Duration = Duration::from_secs(50);
const _: () = assert!(STOP_AFTER.as_millis() < RECONCILE_TIMEOUT.as_millis());
/// The maximum number of differences on a page. A plan with several can exceed it by a few.
pub const MAX_FINDINGS: usize = 100;

/// Why a comparison or a fix was not completed.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// Another comparison is running.
    #[error("another comparison is running")]
    Busy,
    /// The timeout has passed, or Stripe answered nothing.
    #[error("Stripe did not answer")]
    Unanswered,
    /// The report has no such finding that can be fixed.
    #[error("the report has no such finding that can be fixed")]
    NotFixable,
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

type Result<T> = std::result::Result<T, ComparisonError>;

impl Staff {
    /// Compares every purchase of the last 90 days and every plan with Stripe, and changes nothing. Stops early after
    /// [`MAX_FINDINGS`] differences or 50 seconds; then [`Report::next`] says where to continue. Continues `report`, if
    /// there is one.
    ///
    /// # Errors
    /// [`ComparisonError::Unanswered`] at the beginning only. Later, what Stripe does not answer is counted, so that one
    /// customer cannot stop the comparison of all others.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn compare(&self, report: Option<&Report>) -> Result<Report> {
        let _permit = self.comparing.try_lock().map_err(|_| ComparisonError::Busy)?;
        let (is_first, mut report) = (report.is_none(), report.cloned().unwrap_or_default());
        report.findings = report.take_remaining(MAX_FINDINGS);
        let limits =
            Limits { findings: Some(MAX_FINDINGS - report.findings.len()), until: Some(Instant::now() + STOP_AFTER) };
        let scope = Scope { since: self.since(), from: report.next, action: Action::Find(limits) };
        let run = reconcile::run(&self.purchases, &self.plans, &self.writer_pool, scope, |_| {});
        let found = timeout(RECONCILE_TIMEOUT, run).await.map_err(|_| ComparisonError::Unanswered)??;
        if is_first && found.is_unanswered() {
            return Err(ComparisonError::Unanswered);
        }
        Ok(report.join(found))
    }

    /// Applies Stripe's state where that is safe: to all findings of a report, or to the one with this index. Returns
    /// the report with the findings as they are now. Stops after 50 seconds; the other findings stay as they are.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn fix(&self, by: UserId, mut report: Report, only: Option<usize>) -> Result<Report> {
        // One fix is a few requests. All of them share Stripe's rate limit with comparisons.
        let _permit = match only {
            None => Some(self.comparing.try_lock().map_err(|_| ComparisonError::Busy)?),
            Some(_) => None,
        };
        let range = only.map_or(0..report.findings.len(), |index| index..index.saturating_add(1));
        let chosen = report.findings.get(range.clone()).filter(|chosen| chosen.iter().any(Finding::is_fixable));
        let chosen = chosen.ok_or(ComparisonError::NotFixable)?.to_vec();
        let until = Instant::now() + STOP_AFTER;
        let now = reconcile::fix(&self.purchases, &self.plans, chosen, (self.since(), until)).await?;
        let fixed: Vec<_> = now.iter().filter(|finding| finding.fixed && !report.findings.contains(finding)).collect();
        for Finding { org, purchase, kind, .. } in &fixed {
            tracing::info!(%org, ?purchase, ?kind, staff = %by, "Stripe's state was applied");
        }
        report.fixed = report.fixed.saturating_add(fixed.len());
        report.findings.splice(range, now);
        Ok(report)
    }

    fn since(&self) -> brightmeter::time::Instant {
        self.purchases.clock.now() - RECONCILE_WINDOW
    }
}
