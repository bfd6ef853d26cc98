//! What Prometheus reads at `/metrics`. Names and labels stand here alone; no label says which organization or person.

use std::time::Duration;

use brightmeter::{command::Command, ledger::outcome::Effect};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::service::{
    audit::AuditReport,
    writer::{Answer, SubmitError},
};

const REQUESTS: &str = "brightmeter_http_requests_total";
const REQUEST_SECONDS: &str = "brightmeter_http_request_seconds";
const COMMANDS: &str = "brightmeter_commands_total";
const CHARGED: &str = "brightmeter_tokens_charged_total";
const BATCH_COMMANDS: &str = "brightmeter_batch_commands";
const BATCH_SECONDS: &str = "brightmeter_batch_seconds";
const QUEUE: &str = "brightmeter_writer_queue";
const OPEN_HOLDS: &str = "brightmeter_open_holds";
const VIOLATIONS: &str = "brightmeter_audit_violations";
const AUDITED_AT: &str = "brightmeter_audit_timestamp_seconds";

/// How often single observations are added to their histograms. Until then each of them takes memory, whether or not anybody
/// ever reads `/metrics`.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts counting, for the whole process; within a runtime. What is counted before, or without it, is lost.
///
/// # Errors
/// [`BuildError`] if the process counts already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let seconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(REQUEST_SECONDS.into()), &seconds)?
        .set_buckets_for_metric(Matcher::Full(BATCH_SECONDS.into()), &seconds)?
        .set_buckets_for_metric(
            Matcher::Full(BATCH_COMMANDS.into()),
            &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0],
        )?
        .install_recorder()?;
    describe_counter!(REQUESTS, "Requests answered, by method, route and status.");
    describe_histogram!(REQUEST_SECONDS, "Seconds until a request was answered, by route.");
    describe_counter!(
        COMMANDS,
        "Commands answered, by kind and outcome: done, replayed, or the code of the refusal or error."
    );
    describe_counter!(CHARGED, "Tokens charged by spends and captures, by token type.");
    describe_histogram!(BATCH_COMMANDS, "Commands that shared a transaction.");
    describe_histogram!(BATCH_SECONDS, "Seconds that a batch took, from its first statement to its commit.");
    describe_gauge!(QUEUE, "Commands that wait, by writer.");
    describe_gauge!(OPEN_HOLDS, "Open holds in the database, as of the last sweep.");
    describe_gauge!(VIOLATIONS, "Invariants found broken by the last audit, by invariant.");
    describe_gauge!(AUDITED_AT, "When the last audit ended, in seconds since 1970.");
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// A request was answered.
pub fn request(method: String, route: String, status: u16, took: Duration) {
    histogram!(REQUEST_SECONDS, "route" => route.clone()).record(took.as_secs_f64());
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status.to_string()).increment(1);
}

/// A command was answered.
pub fn command(command: &Command, answer: &Result<Answer, SubmitError>) {
    let effect = match answer {
        Ok(answer) if answer.replayed => "replayed",
        Ok(_) => "done",
        Err(SubmitError::Refused(refusal)) => refusal.code(),
        Err(SubmitError::Denied(_)) => "denied",
        Err(SubmitError::KeyReused) => "key_reused",
        Err(SubmitError::UnknownOrganization) => "unknown_organization",
        Err(SubmitError::Busy) => "busy",
        Err(SubmitError::OutcomeUnknown) => "outcome_unknown",
        Err(SubmitError::Storage(_)) => "storage_error",
    };
    counter!(COMMANDS, "command" => command.kind(), "outcome" => effect).increment(1);
    let Ok(Answer { outcome, replayed: false, .. }) = answer else { return };
    if let Effect::Spent { token_type, amount, .. } | Effect::Captured { token_type, amount, .. } = &outcome.effect {
        counter!(CHARGED, "token_type" => token_type.to_string()).increment(amount.get().unsigned_abs());
    }
}

/// A batch ended.
pub fn batch(commands: usize, took: Duration) {
    histogram!(BATCH_COMMANDS).record(commands as f64);
    histogram!(BATCH_SECONDS).record(took.as_secs_f64());
}

/// So many commands wait for a writer.
pub fn queue(writer: usize, waiting: usize) {
    gauge!(QUEUE, "writer" => writer.to_string()).set(waiting as f64);
}

/// So many holds are open.
pub fn open_holds(count: i64) {
    gauge!(OPEN_HOLDS).set(count as f64);
}

/// What an audit found.
pub fn audit(report: &AuditReport, ended_at: brightmeter::time::Instant) {
    for invariant in ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8"] {
        let found = report.violations.iter().filter(|finding| finding.invariant == invariant).count();
        gauge!(VIOLATIONS, "invariant" => invariant).set(found as f64);
    }
    gauge!(AUDITED_AT).set(ended_at.timestamp() as f64);
}
