//! `brightmeter catalog check`.

use std::{path::PathBuf, process::ExitCode};

use brightmeter::billing::money::Money;

use super::CliError;
use crate::{config, stdout::say};

/// Prints the margins of `file`, or of the configured catalog.
pub(super) fn check(file: Option<PathBuf>) -> Result<ExitCode, CliError> {
    let configured = || std::env::var("BRIGHTMETER_CATALOG").ok().filter(|file| !file.is_empty());
    let file = file.map(|file| file.to_string_lossy().into_owned()).or_else(configured);
    let catalog = config::catalog(file)?;
    say(format!("{:<24}{:>12}{:>12}{:>12}", "", "price", "cost", "margin"));
    for line in catalog.margins() {
        let margin = line.margin.map_or_else(|| "–".into(), |margin| margin.to_string());
        let cost = Money::from_micros(line.cost_micros, catalog.currency);
        say(format!("{:<24}{:>#12}{cost:>#12}{margin:>12}", line.what, line.price));
    }
    let floor = catalog.margin_floor_permille;
    say(format!("All margins are at least {}.{} %.", floor / 10, floor % 10));
    Ok(ExitCode::SUCCESS)
}
