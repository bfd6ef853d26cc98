//! The Prometheus metrics at `/metrics`. All names and labels are defined here. No label identifies an organization or a
//! person.

use std::time::Duration;

use brightmeter::{ledger::tokens::Tokens, names::TokenType};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

const REQUESTS: &str = "brightmeter_http_requests_total";
const REQUEST_SECONDS: &str = "brightmeter_http_request_seconds";
const COMMANDS: &str = "brightmeter_commands_total";
const STALE_BATCHES: &str = "brightmeter_writer_stale_batches_total";
const CHARGED: &str = "brightmeter_tokens_charged_total";
const BATCH_COMMANDS: &str = "brightmeter_batch_commands";
const BATCH_SECONDS: &str = "brightmeter_batch_seconds";
const QUEUE: &str = "brightmeter_writer_queue";
const DATABASE_AVAILABLE: &str = "brightmeter_database_available";
const POSTGRES_DEATHS: &str = "brightmeter_private_postgres_deaths_total";
const STRIPE_EVENTS: &str = "brightmeter_stripe_events_total";
const OPEN_HOLDS: &str = "brightmeter_open_holds";
const VIOLATIONS: &str = "brightmeter_audit_violations";
const AUDITED_AT: &str = "brightmeter_audit_timestamp_seconds";

/// The interval at which observations are merged into their histograms. Until then each takes memory, even if `/metrics`
/// is never read.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder for the whole process. Must be called within a Tokio runtime. Observations made before, or
/// without it, are lost.
///
/// # Errors
/// [`BuildError`] if the process already has a recorder.
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
    describe_counter!(REQUESTS, "Answered requests, by method, route and status.");
    describe_histogram!(REQUEST_SECONDS, "Time to answer a request, in seconds, by route.");
    describe_counter!(
        COMMANDS,
        "Answered commands, by kind and outcome: done, replayed, or the code of the refusal or error."
    );
    describe_counter!(CHARGED, "Tokens charged by spends and captures, by token type.");
    describe_histogram!(BATCH_COMMANDS, "Commands per batch, which is one transaction.");
    describe_histogram!(BATCH_SECONDS, "Time per batch, in seconds, from its first statement to its commit.");
    describe_counter!(STALE_BATCHES, "Batches decided again because another server had changed an account.");
    describe_gauge!(QUEUE, "Commands waiting in the queue, by writer.");
    describe_gauge!(DATABASE_AVAILABLE, "Whether the writers can write to the database: 1 or 0.");
    describe_counter!(POSTGRES_DEATHS, "Times that the private Postgres died and was started again.");
    describe_counter!(
        STRIPE_EVENTS,
        "Stripe events that need no further attempt, by disposal: processed, not_ours or refused."
    );
    describe_gauge!(OPEN_HOLDS, "Open holds, as of the last sweep.");
    describe_gauge!(VIOLATIONS, "Violations found by the last audit, by invariant.");
    describe_gauge!(AUDITED_AT, "The end of the last audit, as a Unix timestamp in seconds.");
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// Records an answered request.
pub fn request(method: String, route: String, status: u16, took: Duration) {
    histogram!(REQUEST_SECONDS, "route" => route.clone()).record(took.as_secs_f64());
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status.to_string()).increment(1);
}

/// Counts an answered command. `outcome` is `done`, `replayed`, or the code of a refusal or error.
pub fn command(kind: &'static str, outcome: &'static str) {
    counter!(COMMANDS, "command" => kind, "outcome" => outcome).increment(1);
}

/// Counts charged tokens.
pub fn charged(token_type: &TokenType, amount: Tokens) {
    counter!(CHARGED, "token_type" => token_type.to_string()).increment(amount.get().unsigned_abs());
}

/// Records a finished batch.
pub fn batch(commands: usize, took: Duration) {
    histogram!(BATCH_COMMANDS).record(commands as f64);
    histogram!(BATCH_SECONDS).record(took.as_secs_f64());
}

/// Counts a batch that was decided on remembered accounts which had changed since.
pub fn stale_batch() {
    counter!(STALE_BATCHES).increment(1);
}

/// Records the number of commands that wait for a writer.
pub fn queue(writer: usize, waiting: usize) {
    gauge!(QUEUE, "writer" => writer.to_string()).set(waiting as f64);
}

/// Records whether the writers can write.
pub fn database_available(available: bool) {
    gauge!(DATABASE_AVAILABLE).set(f64::from(u8::from(available)));
}

/// Counts a death of the private Postgres.
pub fn postgres_died() {
    counter!(POSTGRES_DEATHS).increment(1);
}

/// Counts a Stripe event that needs no further attempt. `disposal` is `processed`, `not_ours` or `refused`.
pub fn stripe_event(disposal: &'static str) {
    counter!(STRIPE_EVENTS, "disposal" => disposal).increment(1);
}

/// Records the number of open holds.
pub fn open_holds(count: i64) {
    gauge!(OPEN_HOLDS).set(count as f64);
}

/// Records the result of an audit: how many violations of each invariant (`I1` to `I8`) it found.
pub fn audit(violations: impl IntoIterator<Item = (&'static str, usize)>, ended_at: brightmeter::time::Instant) {
    for (invariant, found) in violations {
        gauge!(VIOLATIONS, "invariant" => invariant).set(found as f64);
    }
    gauge!(AUDITED_AT).set(ended_at.timestamp() as f64);
}
