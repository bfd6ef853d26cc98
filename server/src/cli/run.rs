//! `brightmeter serve` and `brightmeter demo`.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use app::form::DemoSignIns;
use leptos::config::{Env, LeptosOptions};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use super::{CliError, output::say};
use crate::{
    ai::{AiProvider, built_in::BuiltIn, openai::OpenAi},
    clock::{Clock, ManualClock, SystemClock},
    config::{Config, StripeConfig},
    database::Database,
    demo::{
        fill,
        stripe_sandbox::{self, Sandbox},
    },
    http::{self, AppState, Limits, MAX_OPEN_FILES, Services, backend::AppBackend, viewer::Viewers},
    metrics,
    service::{
        account_reader::AccountReader,
        api_keys::ApiKeys,
        audit,
        balance_events::BalanceEvents,
        inbox::Inbox,
        jobs::Jobs,
        passwords::Passwords,
        plans::Plans,
        purchases::Purchases,
        sign_in::SignIn,
        staff::Staff,
        sweeper::Sweeper,
        throttle::Throttle,
        user_profile::UserProfiles,
        writer::{Writer, WriterTasks},
    },
    stripe::{api::StripeApi, gateway::Gateway, signature::WebhookSecret},
};

/// The time that running jobs get to finish at shutdown.
const JOBS_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);
/// The limit of concurrent password hashes. Each takes a core.
const MAX_CONCURRENT_HASHES: usize = 2;

/// The parts that differ between production and the demo.
pub(crate) struct Edition {
    pub(crate) provider: Arc<dyn AiProvider>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) test_clock: Option<Arc<ManualClock>>,
    pub(crate) sign_ins: Option<DemoSignIns>,
    pub(crate) payments: Payments,
}

/// The payment provider: Stripe, the sandbox, or neither if nothing is for sale.
#[derive(Default)]
pub(crate) struct Payments {
    gateway: Option<Arc<dyn Gateway>>,
    webhook_secret: Option<WebhookSecret>,
    sandbox: Option<Sandbox>,
}

impl Payments {
    fn stripe(stripe: &StripeConfig) -> Result<Self, CliError> {
        let api = StripeApi::new(&stripe.secret_key, stripe.api_base.as_deref())?;
        let webhook_secret = Some(WebhookSecret::new(stripe.webhook_secret.clone()));
        Ok(Self { gateway: Some(Arc::new(api)), webhook_secret, sandbox: None })
    }

    /// Opens the sandbox. Its secrets are random and new at each start, so that only it can report payments.
    fn sandbox(config: &Config, clock: Arc<dyn Clock>, site: String) -> Result<Self, CliError> {
        let secret = |prefix| format!("{prefix}_{}", hex::encode(rand::random::<[u8; 16]>()));
        let (secret_key, webhook_secret) = (secret("sk_test"), WebhookSecret::new(secret("whsec")));
        let api = StripeApi::new(&secret_key, Some(&format!("{site}{}", stripe_sandbox::MOUNT)))?;
        let sandbox = Sandbox::open(stripe_sandbox::Settings {
            secret_key,
            webhook_secret: webhook_secret.clone(),
            clock,
            site,
            mount: stripe_sandbox::MOUNT.into(),
            file: Some(config.data_dir.join("sandbox-stripe.json")),
        });
        Ok(Self { gateway: Some(Arc::new(api)), webhook_secret: Some(webhook_secret), sandbox: Some(sandbox) })
    }
}

/// Runs the production server.
pub(super) async fn serve(config: Config) -> Result<(), CliError> {
    config.check_production()?;
    let ai = config
        .ai
        .as_ref()
        .ok_or_else(|| CliError::Refused("the AI is not configured: set AI_BASE_URL and AI_MODEL".into()))?;
    let provider = Arc::new(OpenAi::new(&ai.base_url, ai.api_key.as_deref(), &ai.model)?);
    let payments = config.stripe.as_ref().map(Payments::stripe).transpose()?.unwrap_or_default();
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
    let fill = async |pools: &_| fill::fill(pools, catalog.clone(), SystemClock.now()).await.map_err(CliError::from);
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
    let result = serve_on(config, edition, &database, listener).await;
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
    let sweeping = tokio::spawn(sweeper.run());
    let auditing = tokio::spawn(audit::run_daily(database.pools.clone(), state.clock.clone()));
    let processing = tokio::spawn(Inbox { purchases: state.purchases.clone(), plans: state.plans.clone() }.run());
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

/// The server's public URL, without a trailing slash.
fn address(config: &Config, addr: SocketAddr) -> String {
    config.public_url.clone().unwrap_or_else(|| format!("http://{addr}"))
}

/// Creates the server's services from the configuration.
pub(crate) fn assemble(
    config: &Config,
    edition: Edition,
    database: &Database,
    addr: SocketAddr,
) -> Result<(AppState, Sweeper, WriterTasks), CliError> {
    let Edition { provider, clock, test_clock, sign_ins, payments } = edition;
    let (pools, catalog) = (&database.pools, Arc::new(config.catalog.clone()));
    let (writer, tasks) = Writer::start(pools.writer.clone(), catalog.clone(), clock.clone());
    let jobs = Jobs::new(writer.clone(), provider).map_err(|error| CliError::Refused(error.to_string()))?;
    let (passwords, throttle) = (Passwords::new(MAX_CONCURRENT_HASHES)?, Throttle { clock: clock.clone() });
    let user_profiles = UserProfiles {
        pool: pools.app.clone(),
        passwords: passwords.clone(),
        throttle: throttle.clone(),
        clock: clock.clone(),
    };
    let viewers =
        Viewers { pool: pools.app.clone(), catalog: catalog.clone(), clock: clock.clone(), demo: sign_ins.is_some() };
    let balance_events = BalanceEvents::start(pools.app.clone(), writer.changed_accounts());
    let purchases = Purchases {
        pool: pools.app.clone(),
        writer: writer.clone(),
        gateway: payments.gateway,
        catalog: catalog.clone(),
        clock: clock.clone(),
        base_url: address(config, addr).into(),
        new_events: Arc::default(),
    };
    let plans = Plans::from_purchases(&purchases);
    let reader = AccountReader { pool: pools.app.clone(), catalog, clock: clock.clone(), writer: writer.clone() };
    let api_keys = ApiKeys::new(pools.app.clone(), clock.clone(), sign_ins.is_none());
    let staff = Staff::new(purchases.clone(), plans.clone(), pools.writer.clone());
    let backend = AppBackend {
        pool: pools.app.clone(),
        reader: reader.clone(),
        jobs: jobs.clone(),
        user_profiles: user_profiles.clone(),
        api_keys: api_keys.clone(),
        purchases: purchases.clone(),
        plans: plans.clone(),
        staff: staff.clone(),
    };
    let sweeper =
        Sweeper { writer_pool: pools.writer.clone(), app_pool: pools.app.clone(), writer, clock: clock.clone() };
    let leptos = LeptosOptions::builder()
        .output_name("brightmeter")
        // The hashes are read from hash.txt in the program's directory. Without it, the names have no hash.
        .hash_files(true)
        .site_root(config.site_root.to_string_lossy().into_owned())
        .site_addr(addr)
        .env(if std::env::var_os("LEPTOS_WATCH").is_some() { Env::DEV } else { Env::PROD })
        .build();
    let https = config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    let services = Services {
        backend: Arc::new(backend),
        sign_in: SignIn { pool: pools.app.clone(), passwords, throttle },
        user_profiles,
        viewers,
        jobs,
        api_keys,
        staff,
        purchases,
        plans,
        balance_events,
        reader,
        pool: pools.app.clone(),
        clock,
        test_clock: test_clock.map(|clock| (clock, sweeper.clone())),
        webhook_secret: payments.webhook_secret,
        leptos,
        https,
        docs: http::api::docs(https),
        proxies: config.trusted_proxies.clone(),
        metrics: Some(metrics::install().map_err(|error| CliError::Refused(error.to_string()))?),
        sandbox: payments.sandbox,
        demo_sign_ins: sign_ins,
    };
    Ok((services.into(), sweeper, tasks))
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
