//! The state that handlers share.

use std::{ops::Deref, sync::Arc};

use app::{backend::Backend, form::DemoSignIns, views::api_docs::ApiDocs};
use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::PgPool;

use super::viewer::Viewers;
use crate::{
    bearer_token::BearerToken,
    clock::{Clock, ManualClock},
    demo::stripe_sandbox::Sandbox,
    proxies::TrustedProxies,
    service::{
        account_reader::AccountReader, api_keys::ApiKeys, balance_events::BalanceEvents, jobs::Jobs, plans::Plans,
        purchases::Purchases, sign_in::SignIn, staff::Staff, sweeper::Sweeper, user_profile::UserProfiles,
    },
    stripe::signature::WebhookSecret,
};

/// The state of all handlers. Cheap to clone, as every request clones it several times.
#[derive(Clone)]
pub struct AppState(Arc<Services>);

impl From<Services> for AppState {
    fn from(services: Services) -> Self {
        Self(Arc::new(services))
    }
}

impl Deref for AppState {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

/// The services and settings that handlers use.
pub struct Services {
    /// Loads the data of pages.
    pub backend: Arc<dyn Backend>,
    /// Signs users in.
    pub sign_in: SignIn,
    /// Manages user profiles.
    pub user_profiles: UserProfiles,
    /// Finds the viewer of a session.
    pub viewers: Viewers,
    /// Runs quest jobs.
    pub jobs: Jobs,
    /// Manages and checks API keys.
    pub api_keys: ApiKeys,
    /// Sells packs.
    pub purchases: Purchases,
    /// Changes plans, and syncs plans and licenses with Stripe.
    pub plans: Plans,
    /// Runs the staff console's commands.
    pub staff: Staff,
    /// Publishes balance changes.
    pub balance_events: BalanceEvents,
    /// Reads accounts.
    pub reader: AccountReader,
    /// Connections with the application's database role.
    pub pool: PgPool,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The demo's test clock, and the sweeper that runs when it is set. `None` outside the demo.
    pub test_clock: Option<(Arc<ManualClock>, Sweeper)>,
    /// The secret that signs Stripe's webhook events. If `None`, all events are rejected.
    pub webhook_secret: Option<WebhookSecret>,
    /// Leptos' configuration.
    pub leptos: LeptosOptions,
    /// Whether users reach this server over HTTPS.
    pub https: bool,
    /// The contents of `/api/docs`.
    pub docs: Arc<ApiDocs>,
    /// The proxies in front of this server.
    pub proxies: TrustedProxies,
    /// The Prometheus metrics. `None` if the process doesn't collect any.
    pub metrics: Option<PrometheusHandle>,
    /// The token that `/metrics` requires. `None`: anybody may read them.
    pub metrics_token: Option<BearerToken>,
    /// The demo's replacement for Stripe. `None` outside the demo.
    pub sandbox: Option<Sandbox>,
    /// The demo accounts offered at sign-in. `None` outside the demo.
    pub demo_sign_ins: Option<DemoSignIns>,
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}
