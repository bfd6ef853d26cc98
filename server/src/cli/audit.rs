//! `brightmeter audit`.

use std::{process::ExitCode, sync::Arc};

use super::{CliError, open, output::say};
use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    database::Database,
    service::{audit, demo},
};

/// Holds everything against the invariants.
pub(super) async fn audit(config: &Config, json: bool, demo: bool) -> Result<ExitCode, CliError> {
    let database = if demo {
        Database::open_private(&config.data_dir, demo::DATABASE, &config.app_role).await?
    } else {
        open(config).await?
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let report = audit::run(&database.pools, &clock).await;
    database.close().await?;
    let report = report?;
    if json {
        say(serde_json::to_string_pretty(&report).map_err(std::io::Error::other)?);
    } else {
        say(format!("{} organizations, {} entries", report.organizations, report.entries));
        for finding in &report.violations {
            let org = finding.org.map_or_else(|| "schema".into(), |org| org.to_string());
            say(format!("{} does not hold ({org}): {}", finding.invariant, finding.detail));
        }
        if report.ok {
            say("I1 to I8 hold");
        }
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
