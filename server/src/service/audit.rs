//! The audit: I1 to I8 over every organization, each as it stands at one instant.

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

/// How many entries are read at once.
const PAGE_SIZE: i64 = 5_000;

/// How soon after its start a server audits.
const FIRST_RUN_DELAY: Duration = Duration::from_secs(60);
/// How often it does then.
const RUN_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// What the audit found.
#[derive(Debug, Default, Serialize)]
pub struct AuditReport {
    /// Whether every invariant holds.
    pub ok: bool,
    /// How many organizations were looked at.
    pub organizations: usize,
    /// How many entries were followed.
    pub entries: i64,
    /// What does not hold.
    pub violations: Vec<Finding>,
}

/// One thing that does not hold.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// `I1` to `I8`.
    pub invariant: &'static str,
    /// The organization that it concerns; none for the schema.
    pub org: Option<OrgId>,
    /// What, with the figures.
    pub detail: String,
}

/// Audits everything.
///
/// # Errors
/// [`StorageError`] if the database does not answer: then nothing is known.
pub async fn run(pools: &Pools, clock: &Arc<dyn Clock>) -> Result<AuditReport> {
    let mut report = AuditReport::default();
    let mut conn = pools.app.acquire().await?;
    let mut found = audit::unprotected_tables(&mut conn).await?;
    found.extend(audit::overpowered_role(&mut conn).await?);
    let mut conn = pools.writer.acquire().await?;
    found.extend(audit::overpowered_role(&mut conn).await?);
    drop(conn);
    report.violations.extend(found.into_iter().map(|detail| Finding { invariant: "I8", org: None, detail }));

    let mut tx = tenant::begin_census(&pools.writer).await?;
    let orgs = sweeps::list_all(&mut tx).await?;
    drop(tx);
    for org in orgs {
        let mut tx = tenant::begin_snapshot(&pools.app, org).await?;
        let violations = organization(&mut tx, org, clock, &mut report.entries).await?;
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

/// Audits once a day, a minute after the start for the first time, until it is dropped. What is found is counted and logged.
pub async fn run_daily(pools: Pools, clock: Arc<dyn Clock>) {
    let mut days = tokio::time::interval_at(tokio::time::Instant::now() + FIRST_RUN_DELAY, RUN_INTERVAL);
    days.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        days.tick().await;
        match run(&pools, &clock).await {
            Ok(report) => {
                metrics::audit(&report, clock.now());
                tracing::info!(entries = report.entries, violations = report.violations.len(), "audited");
                for finding in &report.violations {
                    tracing::error!(invariant = finding.invariant, org = ?finding.org, detail = finding.detail, "broken");
                }
            }
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "the audit could not be made"),
        }
    }
}

async fn organization(
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
        ("I5", audit::wrong_receipts(conn, org).await?),
        ("I6", audit::overdue_holds(conn, org, clock.now()).await?),
        ("I8", audit::foreign_rows(conn, org).await?),
    ];
    let mut violations: Vec<Violation> = found
        .into_iter()
        .flat_map(|(invariant, lines)| lines.into_iter().map(move |line| Violation::new(invariant, line)))
        .collect();
    violations.extend(log(conn, org, count).await?);
    Ok(violations)
}

/// I4: of each purchase as much is taken back as its money says.
async fn wrong_clawbacks(conn: &mut PgConnection, org: OrgId) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = purchases::list_credited(conn, org, after, PAGE_SIZE).await?;
        for purchase in &page {
            for lot in purchase.credit.iter().flat_map(|credit| &credit.lots) {
                let due = purchase.payment.clawback_of(lot.amount);
                if lot.clawed_back != due {
                    let (id, of, taken) = (purchase.id, &lot.token_type, lot.clawed_back);
                    found.push(format!("purchase {id}, {of}: {taken} taken back, its money says {due}"));
                }
            }
        }
        after = page.last().map(|purchase| purchase.id);
        if i64::try_from(page.len()).is_ok_and(|found| found < PAGE_SIZE) {
            return Ok(found);
        }
    }
}

/// I1 and I7: follows the log from its first entry to the account's head.
async fn log(conn: &mut PgConnection, org: OrgId, count: &mut i64) -> Result<Vec<Violation>> {
    let mut audit = LogAudit::new(org);
    let mut seq = 0;
    loop {
        let page = match entries::list_after(conn, org, seq, PAGE_SIZE).await {
            Ok(page) => page,
            Err(StorageError::Corrupt(what)) => return Ok(vec![Violation::new("I7", what)]),
            Err(error) => return Err(error),
        };
        for (entry, hash) in &page {
            if let Err(violation) = audit.follow(entry, *hash) {
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
        .ok_or_else(|| StorageError::Corrupt("an account vanished".into()))?;
    let balances = match holdings::list_balances(conn, org.0).await {
        // Out of range: told as what does not hold, beside everything else that was found.
        Err(StorageError::Corrupt(what)) => return Ok(vec![Violation::new("I2", what)]),
        balances => balances?,
    };
    Ok(audit.finish(account.head, &balances.into_iter().collect()))
}
