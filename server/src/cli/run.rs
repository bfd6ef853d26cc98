//! `brightmeter serve` and `brightmeter demo`.

use std::{sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use super::CliError;
use crate::{
    ai::{built_in::BuiltIn, openai::OpenAi},
    assembly::{Edition, Payments, address, assemble},
    clock::{Clock, ManualClock, SystemClock},
    config::Config,
    database::Database,
    demo::fill,
    http::{self, Limits, MAX_OPEN_FILES},
    service::{audit, inbox::Inbox},
    stdout::say,
};

/// The time that running jobs get to finish at shutdown.
const JOBS_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the production server.
pub(super) async fn serve(config: Config) -> Result<(), CliError> {
    config.check_production()?;
    let ai = config
        .ai
        .as_ref()
        .ok_or_else(|| CliError::Refused("the AI is not configured: set AI_BASE_URL and AI_MODEL".into()))?;
    let provider = Arc::new(OpenAi::new(&ai.base_url, ai.api_key.as_deref(), &ai.model)?);
    let payments =
        config.stripe.as_ref().map(|stripe| Payments::stripe(stripe, &config.catalog)).transpose()?.unwrap_or_default();
    let edition = Edition { provider, clock: Arc::new(SystemClock), test_clock: None, sign_ins: None, payments };
    let listener = listen(&config).await?;
    let database = match &config.database {
        Some(owner) => Database::open(owner, &config.app_role).await?,
        None => Database::open_private(&config.data_dir, &config.app_role).await?,
    };
    run(&config, edition, database, listener).await
}

/// Runs the demo server: its own database, the built-in AI, and a manual clock if `BRIGHTMETER_TEST_CLOCK` is set.
pub(super) async fn demo(config: Config) -> Result<(), CliError> {
    let test_clock = config.test_clock.then(|| Arc::new(ManualClock::new(SystemClock.now())));
    let clock =
        test_clock.clone().map_or_else(|| Arc::new(SystemClock) as Arc<dyn Clock>, |clock| clock as Arc<dyn Clock>);
    let sign_ins = Some(fill::sign_ins());
    let listener = listen(&config).await?;
    let payments = Payments::sandbox(&config, clock.clone(), address(&config, listener.local_addr()?))?;
    let edition = Edition { provider: Arc::new(BuiltIn { faults: true }), clock, test_clock, sign_ins, payments };
    let catalog = Arc::new(config.catalog.clone());
    let fill = async |pools: &_, owner: &_| {
        fill::fill(pools, owner, catalog.clone(), SystemClock.now()).await.map_err(CliError::from)
    };
    let database = Database::open_demo(&config.data_dir, &config.app_role, fill).await?;
    run(&config, edition, database, listener).await
}

/// Binds the address. This comes before anything else is started, so that a second server stops immediately.
async fn listen(config: &Config) -> Result<TcpListener, CliError> {
    if !config.site_root.join("pkg").is_dir() {
        let site = config.site_root.display();
        let text =
            format!("the site's files are not in {site}: run it from the project directory, or set LEPTOS_SITE_ROOT");
        return Err(CliError::Refused(text));
    }
    TcpListener::bind(config.addr).await.map_err(|source| CliError::Listen { addr: config.addr, source })
}

/// Serves until a stop signal, then closes the database, even after an error: the private Postgres never outlives its
/// server.
async fn run(config: &Config, edition: Edition, database: Database, listener: TcpListener) -> Result<(), CliError> {
    let watching = tokio::spawn(database.watch());
    let result = serve_on(config, edition, &database, listener).await;
    // Otherwise it would start the Postgres that is stopped next.
    watching.abort();
    let _ = watching.await;
    database.close().await?;
    result
}

async fn serve_on(
    config: &Config,
    edition: Edition,
    database: &Database,
    listener: TcpListener,
) -> Result<(), CliError> {
    let addr = listener.local_addr()?;
    // Each connection is an open file, and the default limit of many systems is 1,024 per process.
    if let Err(error) = rlimit::increase_nofile_limit(MAX_OPEN_FILES) {
        tracing::warn!(error = &error as &dyn std::error::Error, "cannot raise the limit on open files");
    }
    let demo = edition.sign_ins.is_some();
    let (state, sweeper, tasks) = assemble(config, edition, database, addr)?;
    if let Some(sandbox) = &state.sandbox {
        fill::seed_subscriptions(&database.pools, &config.catalog, sandbox, &*state.clock)
            .await
            .map_err(fill::DemoError::from)?;
    }
    let jobs = state.jobs.clone();
    let live = config.stripe.as_ref().and_then(crate::config::StripeConfig::is_live);
    let inbox = Inbox { purchases: state.purchases.clone(), plans: state.plans.clone(), live };
    let sweeping = tokio::spawn(sweeper.run());
    let auditing = tokio::spawn(audit::run_daily(database.pools.clone(), state.clock.clone()));
    let processing = tokio::spawn(inbox.run());
    let delivering = state.sandbox.clone().map(|sandbox| tokio::spawn(sandbox.deliver()));
    let address = address(config, addr);
    if demo {
        fill::startup_message(&address).into_iter().for_each(say);
    } else {
        tracing::info!(%addr, address, "serving");
    }
    let limits = Limits::new(config.trusted_proxies.clone());
    let (stop, balance_events) = (stop_signal()?, state.balance_events.clone());
    // Open balance event streams would keep the server from stopping.
    let stop = async move {
        stop.await;
        balance_events.stop();
    };
    http::serve(listener, http::Site::new(state), limits, stop).await;
    tracing::info!("stopping");
    jobs.finish(JOBS_SHUTDOWN_TIMEOUT).await;
    sweeping.abort();
    auditing.abort();
    processing.abort();
    if let Some(delivering) = delivering {
        delivering.abort();
    }
    // These hold the last handles to the writer. Once they are dropped, it answers the pending commands and ends.
    drop((jobs, sweeping.await, processing.await));
    tasks.finish().await;
    Ok(())
}

/// Returns a future that completes at the first SIGINT or SIGTERM.
fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, CliError> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
