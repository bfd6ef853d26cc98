//! Throughput and latency of the REST API, and the cost of a full ledger export, next to a bare echo server on the same
//! cores.
//!
//! `wrk` sends requests as fast as they are answered, for throughput. `oha` sends them at a fixed rate, for latency: a
//! slow response doesn't delay the next request.

use std::{
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, routing::post};
use brightmeter::{
    access::api_key::Scope,
    command::{Caller, Command, Usage},
    ids::{ApiKeyId, OrgId},
    quantity::Quantity,
};
use chrono::TimeDelta;
use futures::{StreamExt, TryStreamExt, future::join_all, stream};
use serde_json::Value;
use tokio::{net::TcpListener, process, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    BenchArgs, BenchError, Sample, cheapest_feature, create_organization, median, ms_since, provisioning, refused,
    throughput,
};
use crate::{
    ai::built_in::BuiltIn,
    assembly::{Edition, Payments, assemble},
    clock::{Clock, ManualClock, SystemClock},
    config::Config,
    database::Database,
    http::{self, Limits},
    proxies::TrustedProxies,
    service::{
        api_keys::{ApiKeys, NewKey},
        writer::{Submission, Writer},
    },
    stdout::say,
};

/// The days that the ledger entries are spread over.
const HISTORY_DAYS: u32 = 30;
/// The connections of a busy client.
const BUSY_CONNECTIONS: usize = 256;
/// The connections of a quiet client.
const QUIET_CONNECTIONS: usize = 16;
/// The rate of a quiet client, in requests per second.
const QUIET_RATE_PER_SECOND: u32 = 500;
/// The rate of a busy client, in spends per second: at most half of what the server can do.
const BUSY_RATE_PER_SECOND: u32 = 2_560;
/// The time that a load tool gets in addition to the measurement. Also the timeout of single requests.
const TOOL_TIMEOUT_MARGIN: Duration = Duration::from_secs(30);
/// The timeout of the ledger export as CSV.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(300);
/// The concurrent commands while the ledger is filled.
const FILL_CONCURRENCY: usize = 512;
/// The script of all `wrk` runs, so that they send the same requests.
const SCRIPT: &str = r#"
local count = 0
function request()
  count = count + 1
  local headers = { ["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY"), ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = os.getenv("BENCH_RUN") .. "-" .. count }
  return wrk.format("POST", os.getenv("BENCH_PATH"), headers, os.getenv("BENCH_BODY"))
end
"#;

/// Measures check-balance, stats, deduct, echo and the ledger export.
pub(super) async fn measure(config: &Config, args: &BenchArgs, database: &Database) -> Result<(), BenchError> {
    say(format!("creating {} ledger entries over {HISTORY_DAYS} days", args.entries));
    let (org, feature) = fill(config, database, args.entries).await?;
    database.tidy().await?;
    let keys = ApiKeys::new(database.pools.app.clone(), Arc::new(SystemClock), true);
    let new =
        NewKey { id: ApiKeyId(Uuid::now_v7()), name: "bench", scope: Scope::Spend, expires_at: None, maker: None };
    let secret = keys.create(org, new).await?.1;

    let (stop, listener) = (CancellationToken::new(), TcpListener::bind("127.0.0.1:0").await?);
    let server = format!("http://{}", listener.local_addr()?);
    let edition = Edition {
        provider: Arc::new(BuiltIn { faults: false }),
        clock: Arc::new(SystemClock),
        test_clock: None,
        sign_ins: None,
        payments: Payments::default(),
    };
    let (state, sweeper, tasks) = assemble(config, edition, database, listener.local_addr()?)?;
    let serving = tokio::spawn({
        let (site, stop) = (http::Site::new(state), stop.clone());
        async move {
            http::serve(listener, site, Limits::new(TrustedProxies::default()), stop.cancelled_owned()).await;
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let echo = format!("http://{}", listener.local_addr()?);
    let echoing = tokio::spawn({
        let router = Router::new().route("/", post(async |body: Bytes| body));
        let stop = stop.clone();
        async move { axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await }
    });

    let load =
        Load { key: secret.reveal().to_owned(), body: format!(r#"{{"feature":"{feature}"}}"#), seconds: args.seconds };
    let result = compare(&load, args.rounds, &echo, &server, &feature).await;
    stop.cancel();
    let _ = (serving.await, echoing.await);
    drop(sweeper);
    tasks.finish().await;
    result
}

async fn compare(load: &Load, rounds: u8, echo: &str, server: &str, feature: &str) -> Result<(), BenchError> {
    say(format!("{:<34}{:>12}{:>14}{:>10}{:>10}", "", "connections", "requests/s", "p50 ms", "p99 ms"));
    for (name, path) in [
        ("check-balance, fixed rate", format!("/api/v1/tokens/check-balance?feature={feature}")),
        ("stats over 30 days, fixed rate", "/api/v1/tokens/stats".to_owned()),
    ] {
        let mut samples = Vec::new();
        // A warm-up: the server opens its database connections.
        load.oha(&format!("{server}{path}")).await?;
        for _ in 0..rounds {
            samples.push(load.oha(&format!("{server}{path}")).await?);
        }
        print_row(name, QUIET_CONNECTIONS, &median(samples, p99_latency));
    }
    let (mut paced, mut echoes, mut deducts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        paced.push(load.deduct_at_fixed_rate(server).await?);
    }
    print_row("deduct, fixed rate", BUSY_CONNECTIONS, &median(paced, p99_latency));
    for _ in 0..rounds {
        echoes.push(load.wrk(echo, "/").await?);
        deducts.push(load.wrk(server, "/api/v1/tokens/deduct").await?);
    }
    let (echoed, deducted) = (median(echoes, throughput), median(deducts, throughput));
    print_row("deduct, one hot organization", BUSY_CONNECTIONS, &deducted);
    print_row("bare axum echo", BUSY_CONNECTIONS, &echoed);
    say(format!("deduct throughput relative to echo: {:.0} %", 100.0 * deducted.per_second / echoed.per_second));
    load.export(server).await
}

/// The key for the median of runs at a fixed rate.
fn p99_latency(sample: &Sample) -> f64 {
    sample.p99_ms
}

fn print_row(name: &str, connections: usize, sample: &Sample) {
    let Sample { per_second, p50_ms, p99_ms, failed } = sample;
    let failed = if *failed > 0 { format!("  {failed} failed") } else { String::new() };
    say(format!("{name:<34}{connections:>12}{per_second:>14.0}{p50_ms:>10.2}{p99_ms:>10.2}{failed}"));
}

/// The load that is sent.
struct Load {
    key: String,
    body: String,
    seconds: u64,
}

impl Load {
    /// Sends requests with `wrk`, as fast as they are answered.
    async fn wrk(&self, server: &str, path: &str) -> Result<Sample, BenchError> {
        let script = std::env::temp_dir().join(format!("brightmeter-{}.lua", Uuid::now_v7().simple()));
        tokio::fs::write(&script, SCRIPT).await?;
        let mut command = process::Command::new("wrk");
        command.args(["--threads", "1", "--latency", "--connections", &BUSY_CONNECTIONS.to_string()]);
        command.args(["--duration", &format!("{}s", self.seconds), "--script"]).arg(&script).arg(server);
        command.env("BENCH_KEY", &self.key).env("BENCH_BODY", &self.body).env("BENCH_PATH", path);
        command.env("BENCH_RUN", Uuid::now_v7().simple().to_string());
        let output = self.run(command, "wrk: install it with apt-get install wrk").await;
        tokio::fs::remove_file(&script).await?;
        parse_wrk(&output?).ok_or_else(|| refused("cannot parse the output of wrk"))
    }

    /// Sends requests with `oha` at a fixed rate. Latency counts from when the request was due.
    async fn oha(&self, url: &str) -> Result<Sample, BenchError> {
        let mut command = process::Command::new("oha");
        command.args([
            "--no-tui",
            "--output-format",
            "json",
            "--latency-correction",
            "-c",
            &QUIET_CONNECTIONS.to_string(),
        ]);
        command.args(["-q", &QUIET_RATE_PER_SECOND.to_string(), "-z", &format!("{}s", self.seconds)]);
        command.args(["-H", &format!("Authorization: Bearer {}", self.key), url]);
        let output = self.run(command, "oha: install it with cargo install oha").await?;
        parse_oha(&output).ok_or_else(|| refused("cannot parse the output of oha"))
    }

    /// Spends at a fixed rate on [`BUSY_CONNECTIONS`] connections. oha can't do this, because each spend needs its own
    /// idempotency key. Latency counts from when the request was due, even if its connection was still busy.
    async fn deduct_at_fixed_rate(&self, server: &str) -> Result<Sample, BenchError> {
        let client = reqwest::Client::builder()
            .connect_timeout(TOOL_TIMEOUT_MARGIN)
            .timeout(TOOL_TIMEOUT_MARGIN)
            .build()
            .map_err(refused)?;
        let (run, url) = (Uuid::now_v7().simple(), format!("{server}/api/v1/tokens/deduct"));
        let each = Duration::from_secs(1) * BUSY_CONNECTIONS as u32 / BUSY_RATE_PER_SECOND;
        let turns = self.seconds * u64::from(BUSY_RATE_PER_SECOND) / BUSY_CONNECTIONS as u64;
        let started = Instant::now();
        let connections = (0..BUSY_CONNECTIONS).map(|connection| {
            let (client, url, first) =
                (client.clone(), url.clone(), each * connection as u32 / BUSY_CONNECTIONS as u32);
            let (key, body) = (self.key.clone(), self.body.clone());
            tokio::spawn(async move {
                let (mut latencies_ms, mut failed) = (Vec::new(), 0);
                for turn in 0..turns {
                    let due = started + first + each * turn as u32;
                    tokio::time::sleep_until(due.into()).await;
                    let request = client.post(&url).bearer_auth(&key).header("content-type", "application/json");
                    let request = request.header("idempotency-key", format!("{run}-{connection}-{turn}"));
                    let answer = request.body(body.clone()).send().await.and_then(reqwest::Response::error_for_status);
                    let succeeded = match answer {
                        Ok(answer) => answer.bytes().await.is_ok(),
                        Err(_) => false,
                    };
                    if succeeded {
                        latencies_ms.push(ms_since(due));
                    } else {
                        failed += 1;
                    }
                }
                (latencies_ms, failed)
            })
        });
        let done = join_all(connections).await;
        let seconds = started.elapsed().as_secs_f64();
        let (mut latencies_ms, mut failed) = (Vec::new(), 0);
        for (latencies, failures) in done.into_iter().flatten() {
            latencies_ms.extend(latencies);
            failed += failures;
        }
        Ok(Sample::from_latencies(latencies_ms, failed, seconds))
    }

    /// Downloads the whole ledger as CSV and measures how much the peak memory grows. Server and client share this
    /// process, but the client discards what it reads.
    async fn export(&self, server: &str) -> Result<(), BenchError> {
        // Resets the peak that Linux reports.
        tokio::fs::write("/proc/self/clear_refs", "5").await?;
        let before = peak_mib().await?;
        let started = Instant::now();
        let client = reqwest::Client::builder().connect_timeout(TOOL_TIMEOUT_MARGIN).build();
        let request = client.map_err(refused)?.get(format!("{server}/api/v1/tokens/ledger"));
        let request = request.bearer_auth(&self.key).header("accept", "text/csv").timeout(EXPORT_TIMEOUT);
        let mut response = request.send().await.and_then(reqwest::Response::error_for_status).map_err(refused)?;
        let (mut lines, mut bytes) = (0, 0);
        while let Some(chunk) = response.chunk().await.map_err(refused)? {
            lines += chunk.iter().filter(|byte| **byte == b'\n').count();
            bytes += chunk.len();
        }
        let (seconds, grown) = (started.elapsed().as_secs_f64(), peak_mib().await? - before);
        let mib = bytes as f64 / f64::from(1 << 20);
        say(format!(
            "ledger as CSV: {} rows, {mib:.0} MiB in {seconds:.1} s; peak memory grew by {grown:.0} MiB",
            lines.saturating_sub(1)
        ));
        Ok(())
    }

    async fn run(&self, mut command: process::Command, missing: &str) -> Result<String, BenchError> {
        command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let limit = Duration::from_secs(self.seconds) + TOOL_TIMEOUT_MARGIN;
        let done = timeout(limit, command.output()).await;
        let done = done.map_err(|_| refused("the load tool did not finish in time"))?;
        let done = done.map_err(|error| refused(format!("cannot start {missing} ({error})")))?;
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }
}

/// Returns this process's peak memory since the last reset, in MiB.
async fn peak_mib() -> Result<f64, BenchError> {
    let status = tokio::fs::read_to_string("/proc/self/status").await?;
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    Ok(kib.ok_or_else(|| refused("/proc/self/status does not report the peak memory"))? / 1_024.0)
}

/// Parses the output of `wrk --latency`.
fn parse_wrk(text: &str) -> Option<Sample> {
    let after = |label: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(label))?;
        Some(line.trim().to_owned())
    };
    let ms = |text: String| {
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let scale = match &text[number.len()..] {
            "us" => 0.001,
            "ms" => 1.0,
            "s" => 1_000.0,
            _ => return None,
        };
        Some(number.parse::<f64>().ok()? * scale)
    };
    // `connect 0, read 0, write 0, timeout 0`. The line is missing if there were no errors.
    let socket_errors = after("Socket errors:").unwrap_or_default();
    let socket_errors: usize = socket_errors.split([' ', ',']).filter_map(|count| count.parse::<usize>().ok()).sum();
    Some(Sample {
        per_second: after("Requests/sec:")?.parse().ok()?,
        p50_ms: ms(after("50%")?)?,
        p99_ms: ms(after("99%")?)?,
        failed: after("Non-2xx or 3xx responses:").map_or(Some(0), |count| count.parse().ok())? + socket_errors,
    })
}

/// Parses the output of `oha --output-format json`. Its times are in seconds.
fn parse_oha(text: &str) -> Option<Sample> {
    let report: Value = serde_json::from_str(text).ok()?;
    let ms = |percentile: &str| report["latencyPercentiles"][percentile].as_f64().map(|seconds| seconds * 1_000.0);
    // Requests still in flight at the end are not failures.
    let answers = report["statusCodeDistribution"].as_object()?.iter().filter(|(status, _)| *status != "200");
    let errors =
        report["errorDistribution"].as_object()?.iter().filter(|(error, _)| *error != "aborted due to deadline");
    let failed: u64 = answers.chain(errors).filter_map(|(_, count)| count.as_u64()).sum();
    Some(Sample {
        per_second: report["summary"]["requestsPerSec"].as_f64()?,
        p50_ms: ms("p50")?,
        p99_ms: ms("p99")?,
        failed: usize::try_from(failed).ok()?,
    })
}

/// Creates one organization with enough tokens and `entries` spends over the last days, through the writer. Also
/// returns a feature to spend on.
async fn fill(config: &Config, database: &Database, entries: u32) -> Result<(OrgId, String), BenchError> {
    let (catalog, now) = (Arc::new(config.catalog.clone()), SystemClock.now());
    let clock = Arc::new(ManualClock::new(now - TimeDelta::days(HISTORY_DAYS.into())));
    let (writer, tasks) = Writer::start(database.pools.writer.clone(), catalog.clone(), clock.clone());
    let provisioning = provisioning(config, &database.pools, clock.clone())?;
    let types = catalog.token_types.iter().map(|spec| &spec.name);
    let org = create_organization(&provisioning, &writer, "bench", types).await?;
    let submit = async |command| {
        let answer = writer.submit(Submission::new(org, None, command)).await;
        answer.map(drop).map_err(refused)
    };
    let caller = Caller::ApiKey { api_key: ApiKeyId(Uuid::nil()), member: None };
    for day in 0..HISTORY_DAYS {
        clock.set(now - TimeDelta::days((HISTORY_DAYS - 1 - day).into()));
        let first = u64::from(entries) * u64::from(day) / u64::from(HISTORY_DAYS);
        let end = u64::from(entries) * u64::from(day + 1) / u64::from(HISTORY_DAYS);
        let spends = (first..end).map(|number| {
            let feature = catalog.features[number as usize % catalog.features.len()].name.clone();
            submit(Command::Spend(Usage { caller, feature, quantity: Quantity::ONE, metadata: None }))
        });
        stream::iter(spends).buffer_unordered(FILL_CONCURRENCY).try_collect::<()>().await?;
    }
    drop((writer, provisioning));
    tasks.finish().await;
    Ok((org, cheapest_feature(config)?.name.to_string()))
}
