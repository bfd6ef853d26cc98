//! `brightmeter catalog check`.

use std::{path::PathBuf, process::ExitCode};

use super::CliError;
use crate::{config, stdout::say};

/// Prints the margins of `file`, or of the configured catalog.
pub(super) fn check(file: Option<PathBuf>) -> Result<ExitCode, CliError> {
    let configured = || std::env::var("BRIGHTMETER_CATALOG").ok().filter(|file| !file.is_empty());
    let file = file.map(|file| file.to_string_lossy().into_owned()).or_else(configured);
    let catalog = config::catalog(file)?;
    say(format!("{:<24}{:>12}{:>12}{:>12}", "", "price", "cost", "margin"));
    for line in catalog.margins() {
        let dollars = |cents: u64| format!("${}.{:02}", cents / 100, cents % 100);
        let margin = line.margin.map_or_else(|| "–".into(), |margin| margin.to_string());
        let (price, cost) = (dollars(line.price_cents.into()), dollars(line.cost_micros.div_ceil(10_000)));
        say(format!("{:<24}{price:>12}{cost:>12}{margin:>12}", line.what));
    }
    let floor = catalog.margin_floor_permille;
    say(format!("All margins are at least {}.{} %.", floor / 10, floor % 10));
    Ok(ExitCode::SUCCESS)
}
