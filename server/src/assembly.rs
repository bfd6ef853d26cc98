//! Assembly: creates the server's services from the configuration.

use std::{net::SocketAddr, sync::Arc};

use app::form::DemoSignIns;
use leptos::config::{Env, LeptosOptions};

use crate::{
    ai::AiProvider,
    clock::{Clock, ManualClock},
    config::{Config, StripeConfig},
    database::Database,
    demo::stripe_sandbox::{self, Sandbox},
    http::{self, AppState, Services, backend::AppBackend, viewer::Viewers},
    metrics,
    service::{
        account_reader::AccountReader,
        api_keys::ApiKeys,
        balance_events::BalanceEvents,
        jobs::Jobs,
        passwords::{PasswordError, Passwords},
        plans::Plans,
        purchases::Purchases,
        sign_in::SignIn,
        staff::Staff,
        sweeper::Sweeper,
        throttle::Throttle,
        user_profile::UserProfiles,
        writer::{Writer, WriterTasks},
    },
    stripe::{
        api::StripeApi,
        gateway::{Gateway, GatewayError},
        signature::WebhookSecret,
    },
};

/// Why the services could not be created.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// The password hasher could not be set up.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The Stripe client could not be created.
    #[error(transparent)]
    Stripe(#[from] GatewayError),
    /// The metrics recorder could not be installed.
    #[error("the metrics recorder could not be installed")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// A feature's name is invalid.
    #[error(transparent)]
    Name(#[from] brightmeter::names::NameError),
}

/// The limit of concurrent password hashes. Each takes a core.
const MAX_CONCURRENT_HASHES: usize = 2;

/// The parts that differ between production and the demo.
pub struct Edition {
    /// The AI provider.
    pub provider: Arc<dyn AiProvider>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The test clock, if time can be moved.
    pub test_clock: Option<Arc<ManualClock>>,
    /// The demo accounts offered at sign-in.
    pub sign_ins: Option<DemoSignIns>,
    /// The payment provider.
    pub payments: Payments,
}

/// The payment provider: Stripe, the sandbox, or neither if nothing is for sale.
#[derive(Default)]
pub struct Payments {
    gateway: Option<Arc<dyn Gateway>>,
    webhook_secret: Option<WebhookSecret>,
    sandbox: Option<Sandbox>,
}

impl Payments {
    /// Connects to Stripe.
    ///
    /// # Errors
    /// [`AssemblyError::Stripe`] if the secret key or the address is invalid.
    pub fn stripe(stripe: &StripeConfig, catalog: &brightmeter::catalog::Catalog) -> Result<Self, AssemblyError> {
        let api =
            StripeApi::new(&stripe.secret_key, stripe.api_base.as_deref())?.with_automatic_tax(catalog.automatic_tax);
        let webhook_secret = Some(WebhookSecret::new(stripe.webhook_secret.clone()));
        Ok(Self { gateway: Some(Arc::new(api)), webhook_secret, sandbox: None })
    }

    /// Opens the sandbox. Its secrets are random and new at each start, so that only it can report payments.
    pub fn sandbox(config: &Config, clock: Arc<dyn Clock>, site: String) -> Result<Self, AssemblyError> {
        let secret = |prefix| format!("{prefix}_{}", hex::encode(rand::random::<[u8; 16]>()));
        let (secret_key, webhook_secret) = (secret("sk_test"), WebhookSecret::new(secret("whsec")));
        let api = StripeApi::new(&secret_key, Some(&format!("{site}{}", stripe_sandbox::MOUNT)))?
            .with_automatic_tax(config.catalog.automatic_tax);
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

/// The server's public URL, without a trailing slash.
pub fn address(config: &Config, addr: SocketAddr) -> String {
    config.public_url.clone().unwrap_or_else(|| format!("http://{addr}"))
}

/// Creates the server's services from the configuration.
pub fn assemble(
    config: &Config,
    edition: Edition,
    database: &Database,
    addr: SocketAddr,
) -> Result<(AppState, Sweeper, WriterTasks), AssemblyError> {
    let Edition { provider, clock, test_clock, sign_ins, payments } = edition;
    let (pools, catalog) = (&database.pools, Arc::new(config.catalog.clone()));
    let (writer, tasks) = Writer::start(pools.writer.clone(), catalog.clone(), clock.clone());
    let jobs = Jobs::new(writer.clone(), provider)?;
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
        metrics: Some(metrics::install()?),
        metrics_token: config.metrics_token.clone(),
        sandbox: payments.sandbox,
        demo_sign_ins: sign_ins,
    };
    Ok((services.into(), sweeper, tasks))
}
