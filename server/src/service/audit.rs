//! The audit: checks the invariants I1 to I8 for every organization. A full audit reads every entry; an incremental one
//! goes on after the last entry that an earlier audit verified.

mod connections;
mod findings;
mod organization;
mod outcomes;
mod sketch;
mod sweep;

use std::{sync::Arc, time::Duration};

use brightmeter::ids::OrgId;
use chrono::TimeDelta;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use uuid::Uuid;

use self::connections::{Connections, PARALLEL};
use crate::{
    clock::Clock,
    metrics,
    storage::{Result, audit, pools::Pools, sweeps, tenant},
};

/// The number of organizations listed per query.
const ORGANIZATIONS_PAGE_SIZE: i64 = 1_000;
/// The delay between the start of a server and its first audit.
const FIRST_RUN_DELAY: Duration = Duration::from_secs(60);
/// The interval between audits.
const RUN_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
/// The interval at which a server reads the whole log of an organization again.
const FULL_INTERVAL: TimeDelta = TimeDelta::days(7);

/// Where an audit starts to read the log of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first entry.
    FirstEntry,
    /// After the last entry that an earlier audit verified.
    LastVerified,
    /// After the last verified entry, but once a week at the first one: how the server audits.
    Scheduled,
}

/// The options of an audit.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// Where to start.
    pub start: Start,
    /// The number of rows read per query. It bounds the memory.
    pub page_size: i64,
    /// The number of pages after which the progress is stored.
    pub checkpoint_pages: u32,
    /// The timeout of a statement.
    pub statement_timeout: Duration,
}

impl AuditOptions {
    /// The options of an audit that starts at `start`.
    pub fn new(start: Start) -> Self {
        Self { start, page_size: 5_000, checkpoint_pages: 20, statement_timeout: Duration::from_secs(10 * 60) }
    }
}

/// The result of an audit.
#[derive(Debug, Default, Serialize)]
pub struct AuditReport {
    /// Whether every invariant holds.
    pub ok: bool,
    /// The number of organizations audited.
    pub organizations: usize,
    /// The number of ledger entries checked.
    pub entries: i64,
    /// The number of ledger entries passed over, because an earlier audit verified them.
    pub verified_earlier: i64,
    /// The violations found.
    pub violations: Vec<Finding>,
}

impl AuditReport {
    /// The number of violations of each invariant.
    fn counts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let count = |invariant| self.violations.iter().filter(|finding| finding.invariant == invariant).count();
        ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8"].into_iter().map(move |invariant| (invariant, count(invariant)))
    }
}

/// One violation.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// `I1` to `I8`.
    pub invariant: &'static str,
    /// The organization. `None` if the schema violates the invariant.
    pub org: Option<OrgId>,
    /// The details, with the figures.
    pub detail: String,
}

/// Audits the schema and all organizations, every entry of them.
///
/// # Errors
/// Like [`run_with`].
pub async fn run(pools: &Pools, clock: &Arc<dyn Clock>) -> Result<AuditReport> {
    run_with(pools, clock, &AuditOptions::new(Start::FirstEntry)).await
}

/// Audits the schema and all organizations, on connections of its own.
///
/// # Errors
/// [`StorageError`](crate::storage::StorageError) if the database fails: the audit is then incomplete and has no result.
/// What was verified is kept for the next one.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn run_with(pools: &Pools, clock: &Arc<dyn Clock>, options: &AuditOptions) -> Result<AuditReport> {
    let connections = Connections::open(pools, options.statement_timeout);
    let report = audit_all(&connections, clock, options).await;
    connections.close().await;
    report
}

async fn audit_all(connections: &Connections, clock: &Arc<dyn Clock>, options: &AuditOptions) -> Result<AuditReport> {
    let mut report = AuditReport::default();
    let mut conn = connections.reads.acquire().await?;
    let mut found = audit::unprotected_tables(&mut conn).await?;
    found.extend(audit::overpowered_role(&mut conn).await?);
    drop(conn);
    let mut conn = connections.writer.acquire().await?;
    found.extend(audit::overpowered_role(&mut conn).await?);
    drop(conn);
    let nobody = OrgId(Uuid::new_v4());
    let mut tx = tenant::begin(&connections.reads, nobody).await?;
    found.extend(audit::foreign_rows(&mut tx).await?);
    drop(tx);

    let mut after = None;
    loop {
        let mut tx = tenant::begin_for_all_accounts(&connections.writer).await?;
        let orgs = sweeps::list_after(&mut tx, after, ORGANIZATIONS_PAGE_SIZE).await?;
        drop(tx);
        let Some(last) = orgs.last().copied() else { break };
        after = Some(last);
        let audits = stream::iter(orgs).map(|org| organization::audit(connections, org, options, clock));
        let mut audits = audits.buffered(PARALLEL);
        while let Some(audited) = audits.try_next().await? {
            report.organizations += 1;
            report.entries += audited.entries;
            report.verified_earlier += audited.verified_earlier;
            let org = Some(audited.org);
            let findings = audited.violations.into_iter();
            report.violations.extend(findings.map(|found| Finding {
                invariant: found.invariant,
                org,
                detail: found.detail,
            }));
        }
    }
    let schema = found.into_iter().map(|detail| Finding { invariant: "I8", org: None, detail });
    report.violations.splice(0..0, schema);
    report.ok = report.violations.is_empty();
    Ok(report)
}

/// Audits once a day, the first time a minute after the start, until the future is dropped. Reads the whole log of an
/// organization once a week, and new entries otherwise. Violations are counted and logged.
pub async fn run_daily(pools: Pools, clock: Arc<dyn Clock>) {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + FIRST_RUN_DELAY, RUN_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match run_with(&pools, &clock, &AuditOptions::new(Start::Scheduled)).await {
            Ok(report) => {
                metrics::audit(report.counts(), clock.now());
                let (entries, verified_earlier) = (report.entries, report.verified_earlier);
                tracing::info!(entries, verified_earlier, violations = report.violations.len(), "audit completed");
                for finding in &report.violations {
                    tracing::error!(invariant = finding.invariant, org = ?finding.org, detail = finding.detail, "an invariant is violated");
                }
            }
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "the audit failed"),
        }
    }
}
