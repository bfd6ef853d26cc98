//! Spends per second: the writer against one row-locking transaction per request.
//!
//! Both run the same code on the same Postgres: lock the account, look up the idempotency record, decide, write state,
//! entry, day and idempotency record, commit. The only difference is that the writer commits all waiting commands
//! together. Rounds of the two are interleaved, so that changes in the machine's speed affect both alike.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use brightmeter::{
    command::{Caller, Command, Usage},
    idempotency_key::IdempotencyKey,
    ids::{ApiKeyId, OrgId},
    quantity::Quantity,
};
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use super::{
    BenchArgs, BenchError, Sample, cheapest_feature, create_organization, median, ms_since, provisioning, throughput,
};
use crate::{
    clock::SystemClock,
    config::Config,
    service::writer::{Submission, SubmitError, UnbatchedWriter, Writer},
    stdout::say,
    storage::pools::Pools,
};

/// The connections of the unbatched writer.
const UNBATCHED_CONNECTIONS: u32 = 16;
/// The organizations that the runs on many organizations spend on.
const ORGANIZATIONS: usize = 1_000;

/// The writer under test.
#[derive(Clone)]
enum Target {
    Batched(Writer),
    Unbatched(UnbatchedWriter),
}

impl Target {
    async fn submit(&self, submission: Submission) -> Result<(), SubmitError> {
        match self {
            Self::Batched(writer) => writer.submit(submission).await.map(drop),
            Self::Unbatched(writer) => writer.submit(submission).await.map(drop),
        }
    }
}

/// Measures both writers and prints the table.
pub(super) async fn measure(config: &Config, args: &BenchArgs, pools: &Pools) -> Result<(), BenchError> {
    let (catalog, clock) = (Arc::new(config.catalog.clone()), Arc::new(SystemClock));
    let (writer, tasks) = Writer::start(pools.writer.clone(), catalog.clone(), clock.clone());
    say(format!("creating {ORGANIZATIONS} organizations"));
    let orgs = create_organizations(config, pools, &writer).await?;
    let pool = PgPoolOptions::new().max_connections(UNBATCHED_CONNECTIONS);
    let pool = pool.connect_lazy_with(pools.writer.connect_options().as_ref().clone());
    let unbatched = Target::Unbatched(UnbatchedWriter::new(pool, catalog, clock.clone()));
    let batched = Target::Batched(writer);

    let caller = Caller::ApiKey { api_key: ApiKeyId(Uuid::nil()), member: None };
    let feature = cheapest_feature(config)?.name.clone();
    let spend = Command::Spend(Usage { caller, feature, quantity: Quantity::ONE, metadata: None });
    say(format!("{:<22}{:>8}{:>12}{:>12}{:>10}{:>10}", "", "callers", "", "spends/s", "p50 ms", "p99 ms"));
    for (label, orgs) in [("one organization", &orgs[..1]), ("1,000 organizations", &orgs[..])] {
        for callers in &args.callers {
            let (mut unbatched_samples, mut batched_samples) = (Vec::new(), Vec::new());
            for _ in 0..args.rounds {
                unbatched_samples.push(run(&unbatched, orgs, *callers, args.seconds, &spend).await);
                batched_samples.push(run(&batched, orgs, *callers, args.seconds, &spend).await);
            }
            let naive = median(unbatched_samples, throughput);
            let group = median(batched_samples, throughput);
            for (name, sample) in [("naive", &naive), ("group", &group)] {
                let failed = if sample.failed > 0 { format!("  {} failed", sample.failed) } else { String::new() };
                say(format!(
                    "{label:<22}{callers:>8}{name:>12}{:>12.0}{:>10.1}{:>10.1}{failed}",
                    sample.per_second, sample.p50_ms, sample.p99_ms
                ));
            }
            say(format!("{label:<22}{callers:>8}{:>12}{:>11.1}×", "ratio", group.per_second / naive.per_second));
        }
    }
    drop((unbatched, batched));
    tasks.finish().await;
    Ok(())
}

async fn create_organizations(config: &Config, pools: &Pools, writer: &Writer) -> Result<Vec<OrgId>, BenchError> {
    let provisioning = provisioning(config, pools, Arc::new(SystemClock))?;
    let types = [&cheapest_feature(config)?.token_type];
    let run = Uuid::now_v7().simple().to_string();
    let mut orgs = Vec::with_capacity(ORGANIZATIONS);
    for number in 0..ORGANIZATIONS {
        let slug = format!("b{}-{number}", &run[..20]);
        orgs.push(create_organization(&provisioning, writer, &slug, types).await?);
    }
    Ok(orgs)
}

/// Submits `command` from `callers` concurrent tasks, each waiting for its answer before the next one.
async fn run(target: &Target, orgs: &[OrgId], callers: usize, seconds: u64, command: &Command) -> Sample {
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (target, stop, orgs, command) = (target.clone(), stop.clone(), orgs.to_vec(), command.clone());
            tokio::spawn(async move {
                let (mut latencies_ms, mut failed) = (Vec::new(), 0);
                let mut turn = caller * 7_919;
                while !stop.load(Ordering::Relaxed) {
                    turn += 1;
                    let key: Option<IdempotencyKey> = Uuid::new_v4().to_string().parse().ok();
                    let submission = Submission::new(orgs[turn % orgs.len()], key, command.clone());
                    let submitted = Instant::now();
                    match target.submit(submission).await {
                        Ok(()) => latencies_ms.push(ms_since(submitted)),
                        Err(_) => failed += 1,
                    }
                }
                (latencies_ms, failed)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let (mut latencies_ms, mut failed) = (Vec::new(), 0);
    for task in tasks {
        if let Ok((latencies, failures)) = task.await {
            latencies_ms.extend(latencies);
            failed += failures;
        }
    }
    Sample::from_latencies(latencies_ms, failed, started.elapsed().as_secs_f64())
}
