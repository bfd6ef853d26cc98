//! `brightmeter bench`: throughput and latency on this machine. Uses a new private Postgres, which is audited at the
//! end and then removed.

mod http;
mod spends;

use std::{sync::Arc, time::Instant};

use brightmeter::{
    catalog::Feature,
    command::{Caller, Command},
    ids::OrgId,
    ledger::{grant::Source, tokens::Tokens},
    names::TokenType,
};
use uuid::Uuid;

use crate::{
    assembly::AssemblyError,
    clock::{Clock, SystemClock},
    config::Config,
    database::{Database, DatabaseError},
    service::{
        api_keys::NewKeyError,
        audit,
        passwords::{PasswordError, Passwords},
        provisioning::{NewOrganization, ProvisionError, Provisioning},
        writer::{Submission, Writer},
    },
    stdout::say,
    storage::{StorageError, pools::Pools},
};

/// Why a benchmark failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum BenchError {
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    #[error(transparent)]
    NewKey(#[from] NewKeyError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The options of `bench`.
#[derive(clap::Args)]
pub(super) struct BenchArgs {
    /// Measure the REST API with wrk and oha, next to a bare echo server, instead of only the writer.
    #[arg(long)]
    http: bool,
    /// The duration of each measurement, in seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// The number of measurements. The median is printed.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
    rounds: u8,
    /// The numbers of concurrent callers. With --http, always 256 and 16.
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256, 1_024])]
    callers: Vec<usize>,
    /// The number of ledger entries when the REST API is measured.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    entries: u32,
}

/// The result of one measurement.
struct Sample {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    failed: usize,
}

impl Sample {
    /// Computes the percentiles of `latencies_ms`, measured over `seconds`.
    fn from_latencies(mut latencies_ms: Vec<f64>, failed: usize, seconds: f64) -> Self {
        latencies_ms.sort_unstable_by(f64::total_cmp);
        let percentile =
            |percent: usize| latencies_ms.get(latencies_ms.len() * percent / 100).copied().unwrap_or(f64::NAN);
        Self { per_second: latencies_ms.len() as f64 / seconds, p50_ms: percentile(50), p99_ms: percentile(99), failed }
    }
}

/// The key for the median of runs at full speed.
fn throughput(sample: &Sample) -> f64 {
    sample.per_second
}

/// Returns the milliseconds since `instant`.
fn ms_since(instant: Instant) -> f64 {
    instant.elapsed().as_secs_f64() * 1_000.0
}

/// Returns the median sample by `key`.
fn median(mut samples: Vec<Sample>, key: fn(&Sample) -> f64) -> Sample {
    samples.sort_by(|a, b| key(a).total_cmp(&key(b)));
    samples.swap_remove(samples.len() / 2)
}

/// Runs the benchmark, then removes its database.
pub(super) async fn bench(config: &Config, args: BenchArgs) -> Result<(), BenchError> {
    let dir = config.data_dir.join(format!("bench-{}", Uuid::now_v7().simple()));
    let database = Database::open_private(&dir, &config.app_role).await?;
    let result = measure(config, &args, &database).await;
    database.close().await?;
    tokio::fs::remove_dir_all(&dir).await?;
    result
}

async fn measure(config: &Config, args: &BenchArgs, database: &Database) -> Result<(), BenchError> {
    if args.http {
        http::measure(config, args, database).await?
    } else {
        spends::measure(config, args, &database.pools).await?
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let report = audit::run(&database.pools, &clock).await?;
    say(format!(
        "audit: {} ledger entries, {}",
        report.entries,
        if report.ok { "all invariants hold" } else { "invariants violated" }
    ));
    if report.ok { Ok(()) } else { Err(refused("the audit found violations")) }
}

fn provisioning(config: &Config, pools: &Pools, clock: Arc<dyn Clock>) -> Result<Provisioning, BenchError> {
    let catalog = Arc::new(config.catalog.clone());
    Ok(Provisioning { pool: pools.writer.clone(), passwords: Passwords::new(1)?, catalog, clock })
}

/// Creates an organization on the largest plan, with more tokens of `types` than a measurement spends.
async fn create_organization<'t>(
    provisioning: &Provisioning,
    writer: &Writer,
    slug: &str,
    types: impl IntoIterator<Item = &'t TokenType>,
) -> Result<OrgId, BenchError> {
    let plan = provisioning.catalog.plans.last().map(|plan| plan.name.to_string()).unwrap_or_default();
    let anchor = provisioning.clock.now();
    let new = NewOrganization { slug, name: slug, time_zone: "UTC", plan: &plan, anchor };
    let org = provisioning.create_organization(new).await?;
    for token_type in types {
        let grant = Command::Grant {
            caller: Caller::System,
            token_type: token_type.clone(),
            amount: Tokens::new(10_000_000_000).unwrap_or_default(),
            source: Source::Pack,
            expires_at: None,
            note: None,
        };
        writer.submit(Submission::new(org, None, grant)).await.map_err(refused)?;
    }
    Ok(org)
}

/// Returns the cheapest feature, which the benchmarks spend on.
fn cheapest_feature(config: &Config) -> Result<&Feature, BenchError> {
    let feature = config.catalog.features.iter().min_by_key(|feature| feature.cost);
    feature.ok_or_else(|| refused("the catalog has no features to spend on"))
}

fn refused(error: impl std::fmt::Display) -> BenchError {
    BenchError::Refused(error.to_string())
}
