//! `brightmeter audit`.

use std::{process::ExitCode, sync::Arc};

use super::{CliError, open};
use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    database::Database,
    service::{
        StorageError,
        audit::{self, AuditOptions, Start},
        sweeper::Sweeper,
        writer::Writer,
    },
    stdout::say,
};

/// Checks the database against the invariants and prints the report. `incremental` passes over the ledger entries that an
/// earlier audit verified.
pub(super) async fn audit(config: &Config, json: bool, incremental: bool) -> Result<ExitCode, CliError> {
    let database = open(config).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let report = async {
        // If no server is running, nothing has booked expired grants and holds. They are late, not violations.
        if database.is_exclusive() {
            sweep(config, &database, &clock).await?;
        }
        let start = if incremental { Start::LastVerified } else { Start::FirstEntry };
        audit::run_with(&database.pools, &clock, &AuditOptions::new(start)).await
    };
    let report = report.await;
    database.close().await?;
    let report = report?;
    if json {
        say(serde_json::to_string_pretty(&report).map_err(std::io::Error::other)?);
    } else {
        say(format!("{} organizations, {} ledger entries", report.organizations, report.entries));
        if report.verified_earlier > 0 {
            say(format!("{} more were verified earlier", report.verified_earlier));
        }
        for finding in &report.violations {
            let org = finding.org.map_or_else(|| "schema".into(), |org| org.to_string());
            say(format!("{} is violated ({org}): {}", finding.invariant, finding.detail));
        }
        if report.ok {
            say("All invariants (I1 to I8) hold.");
        }
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn sweep(config: &Config, database: &Database, clock: &Arc<dyn Clock>) -> Result<(), StorageError> {
    let pools = &database.pools;
    let (writer, tasks) = Writer::start(pools.writer.clone(), Arc::new(config.catalog.clone()), clock.clone());
    let sweeper =
        Sweeper { writer_pool: pools.writer.clone(), app_pool: pools.app.clone(), writer, clock: clock.clone() };
    let swept = sweeper.sweep().await;
    drop(sweeper);
    tasks.finish().await;
    swept.map(drop)
}
