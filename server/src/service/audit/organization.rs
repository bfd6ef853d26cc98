//! The audit of one organization.
//!
//! The log is read in pages, each in a transaction of its own: entries never change. Only the end takes a snapshot, for
//! the newest entries and the rows that must agree with them. So no transaction lasts longer than a page, or than reading
//! balances, open holds, purchases and daily figures; and none takes a lock that a command waits for.

use std::sync::Arc;

use brightmeter::{ids::OrgId, ledger::audit::Violation, time::Instant};
use futures::TryStreamExt;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    AuditOptions, Start,
    connections::Connections,
    findings::Findings,
    outcomes,
    sweep::{References, Sweep},
};
use crate::{
    clock::Clock,
    storage::{
        Result, StorageError, accounts,
        audit::{
            self, log,
            progress::{self, Progress},
            sums,
        },
        holdings, organizations, purchases, tenant,
    },
};

/// The result for one organization.
pub(super) struct Audited {
    pub(super) org: OrgId,
    /// The number of entries read.
    pub(super) entries: i64,
    /// The number of entries that an earlier audit verified and this one passed over.
    pub(super) verified_earlier: i64,
    pub(super) violations: Vec<Violation>,
}

/// Audits `org`.
pub(super) async fn audit(
    connections: &Connections,
    org: OrgId,
    options: &AuditOptions,
    clock: &Arc<dyn Clock>,
) -> Result<Audited> {
    let subject = Subject { connections, org, options, clock };
    let (mut audited, outcomes) =
        futures::try_join!(subject.ledger(), outcomes::check(&connections.reads, org, options.page_size),)?;
    audited.violations.extend(outcomes.into_vec());
    audited.violations.extend(subject.rows().await?.into_vec());
    Ok(audited)
}

struct Subject<'a> {
    connections: &'a Connections,
    org: OrgId,
    options: &'a AuditOptions,
    clock: &'a Arc<dyn Clock>,
}

impl Subject<'_> {
    /// Checks that are complete in themselves: I2, I4 and I6.
    async fn rows(&self) -> Result<Findings> {
        let mut found = Findings::default();
        let mut tx = tenant::begin(&self.connections.reads, self.org).await?;
        let (conn, org) = (&mut *tx, self.org);
        found.extend("I2", audit::negative(conn, org).await?);
        found.extend("I4", audit::wrong_receipt_numbers(conn, org).await?);
        found.extend("I4", self.wrong_clawbacks(conn).await?);
        found.extend("I6", audit::overdue_holds(conn, org, self.clock.now()).await?);
        Ok(found)
    }

    /// I4: the clawback of each purchase matches its refunds and disputes.
    async fn wrong_clawbacks(&self, conn: &mut PgConnection) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = purchases::list_credited(conn, self.org, after, self.options.page_size).await?;
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
            if self.is_last(page.len()) {
                return Ok(found);
            }
        }
    }

    /// Checks the log from where it is verified to its end, and the rows that follow from it: I1, I3, I4 and I7.
    async fn ledger(&self) -> Result<Audited> {
        let mut sweep = self.start().await?;
        let first = sweep.seq;
        let mut page = self.page(sweep.seq).await?;
        let mut pages = 0;
        while !self.is_last(page.len()) {
            let after = page.last().map_or(sweep.seq, log::StoredEntry::seq);
            // Postgres reads the next page while this one is verified.
            let verified = tokio::task::spawn_blocking(move || {
                let references = sweep.read(page);
                (sweep, references)
            });
            let (next, verified) = tokio::join!(self.page(after), verified);
            let references: References;
            (sweep, references) = verified.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            if !references.is_empty() {
                let mut tx = tenant::begin(&self.connections.reads, self.org).await?;
                self.check_references(&mut tx, &mut sweep, references).await?;
            }
            page = next?;
            pages += 1;
            if pages % self.options.checkpoint_pages == 0 {
                self.store(&sweep).await?;
            }
        }
        drop(page);
        self.finish(&mut sweep).await?;
        if sweep.seq > first || first == 0 {
            self.store(&sweep).await?;
        }
        let (org, entries) = (self.org, sweep.entries);
        Ok(Audited { org, entries, verified_earlier: first, violations: sweep.findings.into_vec() })
    }

    /// Returns a pass from the first entry or from the last verified one, as the options say.
    async fn start(&self) -> Result<Sweep> {
        let now = self.clock.now();
        let mut tx = tenant::begin(&self.connections.reads, self.org).await?;
        let organization = organizations::find(&mut tx, self.org).await?;
        let time_zone = organization.ok_or_else(|| StorageError::missing("organizations", self.org))?.time_zone;
        let earlier = match progress::find(&mut tx, self.org).await {
            Err(StorageError::Corrupt(detail)) => {
                let mut sweep = Sweep::from_first_entry(self.org, time_zone, None, now);
                sweep.findings.push(Violation::new("I7", detail));
                return Ok(sweep);
            }
            earlier => earlier?,
        };
        let earlier = match earlier {
            Some(earlier) if self.resumes(&earlier, now) => earlier,
            earlier => return Ok(Sweep::from_first_entry(self.org, time_zone, earlier, now)),
        };
        let hash = log::find_hash(&mut tx, self.org, earlier.head.seq).await?;
        let (head, is_same) = (earlier.head, hash.as_deref() == Some(&earlier.head.hash.0));
        let mut sweep = Sweep::resume(self.org, time_zone, earlier);
        if !is_same {
            let detail = format!("an earlier audit verified entry {} with another hash", head.seq);
            sweep.findings.push(Violation::new("I7", detail));
        }
        Ok(sweep)
    }

    /// Compares the newest entries and everything that must agree with the log, in one snapshot.
    async fn finish(&self, sweep: &mut Sweep) -> Result<()> {
        let mut tx = tenant::begin_snapshot(&self.connections.reads, self.org).await?;
        let conn = &mut *tx;
        loop {
            let page = log::list_after(conn, self.org, sweep.seq, self.options.page_size).await?;
            let is_last = self.is_last(page.len());
            let references = sweep.read(page);
            self.check_references(conn, sweep, references).await?;
            if is_last {
                break;
            }
        }
        let account = accounts::find(conn, self.org)
            .await?
            .map(|found| found.account)
            .ok_or_else(|| StorageError::missing("ai_token_accounts", self.org))?;
        let balances = match holdings::list_balances(conn, self.org.0).await {
            // Out of range: reported as a violation, so that the audit goes on.
            Err(StorageError::Corrupt(detail)) => {
                sweep.findings.push(Violation::new("I2", detail));
                None
            }
            balances => Some(balances?.into_iter().collect()),
        };
        sweep.check_account(account.head, balances.as_ref());
        sweep.check_totals(sums::totals(conn, self.org).await?);
        let open = log::list_open_holds(conn, self.org).await?;
        let ended = log::list_holds(conn, self.org, &sweep.open_only_in_log(&open)).await?;
        sweep.check_open(&open, &ended, log::count_holds(conn, self.org).await?);
        sweep.findings.extend("I4", audit::wrong_purchases(conn, self.org).await?);
        let daily = sums::stream_daily(conn, self.org);
        let stored = daily.try_fold(sweep.daily.emptied(), |mut sketch, row| {
            sketch.add(row.line(), row.uses, row.tokens);
            futures::future::ready(Ok(sketch))
        });
        if stored.await? != sweep.daily {
            // Names the figures, in a pass over the whole log.
            let mut wrong = audit::wrong_days(conn, self.org, sweep.time_zone).await?;
            if wrong.is_empty() {
                wrong.push("the daily figures differ from the log".into());
            }
            sweep.findings.extend("I1", wrong);
        }
        Ok(())
    }

    /// Checks the rows that entries name.
    async fn check_references(&self, conn: &mut PgConnection, sweep: &mut Sweep, named: References) -> Result<()> {
        if !named.ended.is_empty() {
            let ids: Vec<Uuid> = named.ended.keys().copied().collect();
            let rows = log::list_holds(conn, self.org, &ids).await?;
            sweep.check_ended(&named.ended, &rows);
        }
        if !named.reversed.is_empty() {
            sweep.findings.extend("I4", log::wrong_refunds(conn, self.org, &named.reversed).await?);
        }
        Ok(())
    }

    async fn page(&self, after: i64) -> Result<Vec<log::StoredEntry>> {
        let mut tx = tenant::begin(&self.connections.reads, self.org).await?;
        log::list_after(&mut tx, self.org, after, self.options.page_size).await
    }

    async fn store(&self, sweep: &Sweep) -> Result<()> {
        let Some(progress) = sweep.verified_progress() else { return Ok(()) };
        let mut tx = tenant::begin(&self.connections.writer, self.org).await?;
        progress::upsert(&mut tx, self.org, &progress, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }

    fn is_last(&self, rows: usize) -> bool {
        i64::try_from(rows).is_ok_and(|rows| rows < self.options.page_size)
    }

    /// Whether this audit goes on where an earlier one stopped.
    fn resumes(&self, earlier: &Progress, now: Instant) -> bool {
        match self.options.start {
            Start::FirstEntry => false,
            Start::LastVerified => true,
            Start::Scheduled => earlier.started_at <= now && now < earlier.started_at + super::FULL_INTERVAL,
        }
    }
}
