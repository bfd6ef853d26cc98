//! Output of commands: results on stdout, logs and errors on stderr.

use std::{
    error::Error,
    io::{IsTerminal, Write},
    process::ExitCode,
};

use tracing_subscriber::EnvFilter;

use super::CliError;

/// Prints an error with its causes in one line and returns exit code 1.
pub(super) fn fail(error: &(dyn Error + 'static)) -> ExitCode {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        source = cause.source();
    }
    let _ = writeln!(std::io::stderr(), "brightmeter: {}", line.replace('\n', " "));
    ExitCode::FAILURE
}

/// Starts logging to stderr: text, or one JSON object per line if `json` is set and stderr is not a terminal.
pub(super) fn log(filter: &str, json: bool) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(filter).map_err(|_| {
        CliError::Refused("BRIGHTMETER_LOG is invalid: write it like `info` or `info,server=debug`".into())
    })?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json && !std::io::stderr().is_terminal() {
        logs.json().flatten_event(true).with_span_list(false).init();
    } else {
        logs.with_ansi(std::io::stderr().is_terminal()).init();
    }
    Ok(())
}
