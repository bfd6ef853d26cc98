//! `brightmeter bench`: how fast it is, on this machine, measured in a new private Postgres that is removed afterwards and held
//! against every invariant at the end.

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

use super::cli::{CliError, output::say};
use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    database::Database,
    service::{
        audit,
        passwords::Passwords,
        provisioning::{NewOrganization, Provisioning},
        writer::{Submission, Writer},
    },
    storage::pools::Pools,
};

/// How to measure.
#[derive(clap::Args)]
pub(super) struct BenchArgs {
    /// Measure the REST API by wrk and oha, beside a bare echo, in place of the writer alone.
    #[arg(long)]
    http: bool,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// How many times each is measured; the median is told.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
    rounds: u8,
    /// How many callers at once; over HTTP always 256 and 16.
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256, 1_024])]
    callers: Vec<usize>,
    /// How many entries there are when the REST API is measured.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    entries: u32,
}

/// What one measurement found.
struct Sample {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    failed: usize,
}

impl Sample {
    /// Of waits in milliseconds, in so many seconds.
    fn of(mut waits_ms: Vec<f64>, failed: usize, seconds: f64) -> Self {
        waits_ms.sort_unstable_by(f64::total_cmp);
        let percentile = |percent: usize| waits_ms.get(waits_ms.len() * percent / 100).copied().unwrap_or(f64::NAN);
        Self { per_second: waits_ms.len() as f64 / seconds, p50_ms: percentile(50), p99_ms: percentile(99), failed }
    }
}

/// What counts where everybody asks as fast as possible.
fn rate(sample: &Sample) -> f64 {
    sample.per_second
}

/// How long ago, in milliseconds.
fn ms_since(instant: Instant) -> f64 {
    instant.elapsed().as_secs_f64() * 1_000.0
}

/// The sample in the middle by what counts of it.
fn median(mut samples: Vec<Sample>, by: fn(&Sample) -> f64) -> Sample {
    samples.sort_by(|a, b| by(a).total_cmp(&by(b)));
    samples.swap_remove(samples.len() / 2)
}

/// Measures.
pub(super) async fn bench(config: &Config, args: BenchArgs) -> Result<(), CliError> {
    let dir = config.data_dir.join(format!("bench-{}", Uuid::now_v7().simple()));
    let database = Database::open_private(&dir, &config.app_role).await?;
    let result = measure(config, &args, &database).await;
    database.close().await?;
    tokio::fs::remove_dir_all(&dir).await?;
    result
}

async fn measure(config: &Config, args: &BenchArgs, database: &Database) -> Result<(), CliError> {
    if args.http {
        http::measure(config, args, database).await?
    } else {
        spends::measure(config, args, &database.pools).await?
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let report = audit::run(&database.pools, &clock).await?;
    say(format!("audit: {} entries, {}", report.entries, if report.ok { "I1 to I8 hold" } else { "broken" }));
    if report.ok { Ok(()) } else { Err(refused("the audit found violations")) }
}

fn provisioning(config: &Config, pools: &Pools, clock: Arc<dyn Clock>) -> Result<Provisioning, CliError> {
    let catalog = Arc::new(config.catalog.clone());
    Ok(Provisioning { pool: pools.writer.clone(), passwords: Passwords::new(1)?, catalog, clock })
}

/// An organization on the largest plan, with more tokens of `types` than a measurement spends.
async fn organization<'t>(
    provisioning: &Provisioning,
    writer: &Writer,
    slug: &str,
    types: impl IntoIterator<Item = &'t TokenType>,
) -> Result<OrgId, CliError> {
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

/// The feature to spend on.
fn cheapest(config: &Config) -> Result<&Feature, CliError> {
    let feature = config.catalog.features.iter().min_by_key(|feature| feature.cost);
    feature.ok_or_else(|| refused("the catalog has no feature to spend on"))
}

fn refused(error: impl std::fmt::Display) -> CliError {
    CliError::Refused(error.to_string())
}
