//! What the one door does a second, against one row-locking transaction per request.
//!
//! Both do the same work in the same code on the same Postgres: lock the account, look the receipt up, decide, write state,
//! entry, day and receipt, commit. They differ in one thing only: the writer shares a commit among all who wait. Rounds of
//! the two are interleaved, so that a machine whose speed drifts is as unkind to the one as to the other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use brightmeter::{
    command::{Caller, Command, Quantity, Usage},
    idempotency_key::IdempotencyKey,
    ids::{ApiKeyId, OrgId},
};
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use super::{BenchArgs, Sample, cheapest, median, ms_since, organization, provisioning, rate};
use crate::{
    cli::{CliError, output::say},
    clock::SystemClock,
    config::Config,
    service::writer::{Submission, SubmitError, UnbatchedWriter, Writer},
    storage::pools::Pools,
};

/// How many connections the naive peer may use.
const NAIVE_POOL: u32 = 16;
/// How many organizations the wide runs spread over.
const ORGANIZATIONS: usize = 1_000;

/// Who answers the spends.
#[derive(Clone)]
enum Peer {
    Writer(Writer),
    Naive(UnbatchedWriter),
}

impl Peer {
    async fn submit(&self, submission: Submission) -> Result<(), SubmitError> {
        match self {
            Self::Writer(writer) => writer.submit(submission).await.map(drop),
            Self::Naive(alone) => alone.submit(submission).await.map(drop),
        }
    }
}

/// Measures both.
pub(super) async fn measure(config: &Config, args: &BenchArgs, pools: &Pools) -> Result<(), CliError> {
    let (catalog, clock) = (Arc::new(config.catalog.clone()), Arc::new(SystemClock));
    let (writer, tasks) = Writer::start(pools.writer.clone(), catalog.clone(), clock.clone());
    say(format!("making {ORGANIZATIONS} organizations"));
    let orgs = organizations(config, pools, &writer).await?;
    let pool = PgPoolOptions::new().max_connections(NAIVE_POOL);
    let pool = pool.connect_lazy_with(pools.writer.connect_options().as_ref().clone());
    let naive = Peer::Naive(UnbatchedWriter::new(pool, catalog, clock.clone()));
    let group = Peer::Writer(writer);

    let caller = Caller::ApiKey { api_key: ApiKeyId(Uuid::nil()), member: None };
    let feature = cheapest(config)?.name.clone();
    let spend = Command::Spend(Usage { caller, feature, quantity: Quantity::ONE, metadata: None });
    say(format!("{:<22}{:>8}{:>12}{:>12}{:>10}{:>10}", "", "callers", "", "spends/s", "p50 ms", "p99 ms"));
    for (label, orgs) in [("one organization", &orgs[..1]), ("1,000 organizations", &orgs[..])] {
        for callers in &args.callers {
            let (mut naives, mut groups) = (Vec::new(), Vec::new());
            for _ in 0..args.rounds {
                naives.push(run(&naive, orgs, *callers, args.seconds, &spend).await);
                groups.push(run(&group, orgs, *callers, args.seconds, &spend).await);
            }
            let (naive, group) = (median(naives, rate), median(groups, rate));
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
    drop((naive, group));
    tasks.finish().await;
    Ok(())
}

async fn organizations(config: &Config, pools: &Pools, writer: &Writer) -> Result<Vec<OrgId>, CliError> {
    let provisioning = provisioning(config, pools, Arc::new(SystemClock))?;
    let types = [&cheapest(config)?.token_type];
    let run = Uuid::now_v7().simple().to_string();
    let mut orgs = Vec::with_capacity(ORGANIZATIONS);
    for number in 0..ORGANIZATIONS {
        let slug = format!("b{}-{number}", &run[..20]);
        orgs.push(organization(&provisioning, writer, &slug, types).await?);
    }
    Ok(orgs)
}

/// `callers` at once, each waiting for its answer before it asks again.
async fn run(peer: &Peer, orgs: &[OrgId], callers: usize, seconds: u64, command: &Command) -> Sample {
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (peer, stop, orgs, command) = (peer.clone(), stop.clone(), orgs.to_vec(), command.clone());
            tokio::spawn(async move {
                let (mut waits_ms, mut failed) = (Vec::new(), 0);
                let mut turn = caller * 7_919;
                while !stop.load(Ordering::Relaxed) {
                    turn += 1;
                    let key: Option<IdempotencyKey> = Uuid::now_v7().to_string().parse().ok();
                    let submission = Submission::new(orgs[turn % orgs.len()], key, command.clone());
                    let asked = Instant::now();
                    match peer.submit(submission).await {
                        Ok(()) => waits_ms.push(ms_since(asked)),
                        Err(_) => failed += 1,
                    }
                }
                (waits_ms, failed)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let (mut waits_ms, mut failed) = (Vec::new(), 0);
    for task in tasks {
        if let Ok((waits, failures)) = task.await {
            waits_ms.extend(waits);
            failed += failures;
        }
    }
    Sample::of(waits_ms, failed, started.elapsed().as_secs_f64())
}
