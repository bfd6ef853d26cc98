//! The audit: checks the invariants I1 to I8 for every organization, each in one snapshot.

use std::{sync::Arc, time::Duration};

use brightmeter::{
    ids::OrgId,
    ledger::audit::{LogAudit, Violation},
};
use serde::Serialize;
use sqlx::PgConnection;

use crate::{
    clock::Clock,
    metrics,
    storage::{Result, StorageError, accounts, audit, entries, holdings, pools::Pools, purchases, sweeps, tenant},
};

/// The number of entries or purchases read per query.
const PAGE_SIZE: i64 = 5_000;

/// The delay between the start of a server and its first audit.
const FIRST_RUN_DELAY: Duration = Duration::from_secs(60);
/// The interval between audits.
const RUN_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The result of an audit.
#[derive(Debug, Default, Serialize)]
pub struct AuditReport {
    /// Whether every invariant holds.
    pub ok: bool,
    /// The number of organizations audited.
    pub organizations: usize,
    /// The number of ledger entries checked.
    pub entries: i64,
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

/// Audits the schema and all organizations.
///
/// # Errors
/// [`StorageError`] if the database fails: the audit is then incomplete and has no result.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn run(pools: &Pools, clock: &Arc<dyn Clock>) -> Result<AuditReport> {
    let mut report = AuditReport::default();
    let mut conn = pools.app.acquire().await?;
    let mut found = audit::unprotected_tables(&mut conn).await?;
    found.extend(audit::overpowered_role(&mut conn).await?);
    let mut conn = pools.writer.acquire().await?;
    found.extend(audit::overpowered_role(&mut conn).await?);
    drop(conn);
    report.violations.extend(found.into_iter().map(|detail| Finding { invariant: "I8", org: None, detail }));

    let mut tx = tenant::begin_for_all_accounts(&pools.writer).await?;
    let orgs = sweeps::list_all(&mut tx).await?;
    drop(tx);
    for org in orgs {
        let mut tx = tenant::begin_snapshot(&pools.app, org).await?;
        let violations = audit_organization(&mut tx, org, clock, &mut report.entries).await?;
        report.organizations += 1;
        let findings = violations.into_iter().map(|violation| Finding {
            invariant: violation.invariant,
            org: Some(org),
            detail: violation.detail,
        });
        report.violations.extend(findings);
    }
    report.ok = report.violations.is_empty();
    Ok(report)
}

/// Audits once a day, the first time a minute after the start, until the future is dropped. Violations are counted and
/// logged.
pub async fn run_daily(pools: Pools, clock: Arc<dyn Clock>) {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + FIRST_RUN_DELAY, RUN_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match run(&pools, &clock).await {
            Ok(report) => {
                metrics::audit(report.counts(), clock.now());
                tracing::info!(entries = report.entries, violations = report.violations.len(), "audit completed");
                for finding in &report.violations {
                    tracing::error!(invariant = finding.invariant, org = ?finding.org, detail = finding.detail, "an invariant is violated");
                }
            }
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "the audit failed"),
        }
    }
}

async fn audit_organization(
    conn: &mut PgConnection,
    org: OrgId,
    clock: &Arc<dyn Clock>,
    count: &mut i64,
) -> Result<Vec<Violation>> {
    let found = [
        ("I1", audit::unbalanced(conn, org).await?),
        ("I1", audit::wrong_days(conn, org).await?),
        ("I2", audit::negative(conn, org).await?),
        ("I3", audit::wrong_holds(conn, org).await?),
        ("I4", audit::wrong_refunds(conn, org).await?),
        ("I4", audit::wrong_purchases(conn, org).await?),
        ("I4", audit::wrong_receipt_numbers(conn, org).await?),
        ("I4", wrong_clawbacks(conn, org).await?),
        ("I5", audit::wrong_idempotency_records(conn, org).await?),
        ("I6", audit::overdue_holds(conn, org, clock.now()).await?),
        ("I8", audit::foreign_rows(conn, org).await?),
    ];
    let mut violations: Vec<Violation> = found
        .into_iter()
        .flat_map(|(invariant, lines)| lines.into_iter().map(move |line| Violation::new(invariant, line)))
        .collect();
    violations.extend(check_ledger(conn, org, count).await?);
    Ok(violations)
}

/// I4: the clawback of each purchase matches its refunds and disputes.
async fn wrong_clawbacks(conn: &mut PgConnection, org: OrgId) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = purchases::list_credited(conn, org, after, PAGE_SIZE).await?;
        for purchase in &page {
            for lot in purchase.credit.iter().flat_map(|credit| &credit.lots) {
                let due = purchase.payment.clawback_of(lot.amount);
                if lot.clawed_back != due {
                    let (id, token_type, clawed_back) = (purchase.id, &lot.token_type, lot.clawed_back);
                    found.push(format!(
                        "purchase {id}, {token_type}: {clawed_back} clawed back, but its payment requires {due}"
                    ));
                }
            }
        }
        after = page.last().map(|purchase| purchase.id);
        if i64::try_from(page.len()).is_ok_and(|found| found < PAGE_SIZE) {
            return Ok(found);
        }
    }
}

/// I1 and I7: checks the ledger from its first entry to the account's head.
async fn check_ledger(conn: &mut PgConnection, org: OrgId, count: &mut i64) -> Result<Vec<Violation>> {
    let mut audit = LogAudit::new(org);
    let mut seq = 0;
    loop {
        let page = match entries::list_after(conn, org, seq, PAGE_SIZE).await {
            Ok(page) => page,
            Err(StorageError::Corrupt(detail)) => return Ok(vec![Violation::new("I7", detail)]),
            Err(error) => return Err(error),
        };
        for (entry, hash) in &page {
            if let Err(violation) = audit.verify(entry, *hash) {
                return Ok(vec![violation]);
            }
            seq = entry.seq;
            *count += 1;
        }
        if i64::try_from(page.len()).is_ok_and(|found| found < PAGE_SIZE) {
            break;
        }
    }
    let account = accounts::find(conn, org)
        .await?
        .map(|found| found.account)
        .ok_or_else(|| StorageError::missing("ai_token_accounts", org))?;
    let balances = match holdings::list_balances(conn, org.0).await {
        // Out of range: reported as a violation, so that the audit goes on.
        Err(StorageError::Corrupt(detail)) => return Ok(vec![Violation::new("I2", detail)]),
        balances => balances?,
    };
    Ok(audit.finish(account.head, &balances.into_iter().collect()))
}
