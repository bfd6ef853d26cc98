//! HTTP: pages, forms and what machines look at. Thin: extract, parse, call, answer.

pub mod api;
pub mod backend;
mod client;
mod connections;
mod csv_export;
mod forms;
mod headers;
mod health;
mod observe;
mod pages;
mod purchases_csv;
mod session;
mod session_store;
mod site;
mod test_clock;
pub mod viewer;
mod webhooks;

use std::{
    convert::Infallible,
    ops::Deref,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use app::{backend::Backend, form::DemoSignIns, views::api_docs::ApiDocs};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderName, StatusCode, header::AUTHORIZATION},
    middleware,
    response::{IntoResponse, Response},
    routing::{future::RouteFuture, get, post},
};
use leptos::config::LeptosOptions;
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::PgPool;
use tower::{Service, ServiceBuilder, util::MapResponseLayer};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    csrf::CsrfLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::TimeoutLayer,
};

pub use self::connections::{Limits, MAX_OPEN_FILES, serve};
use crate::{
    clock::{Clock, ManualClock},
    demo::stripe_sandbox::{self, Sandbox},
    http::viewer::Viewers,
    proxies::TrustedProxies,
    service::{
        account_reader::AccountReader,
        api_keys::ApiKeys,
        balance_events::BalanceEvents,
        jobs::Jobs,
        plans::Plans,
        purchases::Purchases,
        sign_in::SignIn,
        staff::{RECONCILE_TIMEOUT, Staff},
        sweeper::Sweeper,
        user_profile::UserProfiles,
    },
    stripe::{gateway::RETURN_PATH, signature::WebhookSecret},
};

/// How long a request may take. Longer than any wait inside it, so that the answer tells what happened.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request may take that waits for Stripe to answer about many purchases: longer than that wait.
const SLOW_REQUEST_TIMEOUT: Duration = RECONCILE_TIMEOUT.saturating_add(Duration::from_secs(15));
/// What a form gets that another site sent.
const CROSS_SITE_MESSAGE: &str =
    "This form was sent from another site, so nothing was done. Open the page here and send it again.\n";
/// How large a form may be.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// What handlers work with. Every request clones it several times, so that has to cost nothing.
#[derive(Clone)]
pub struct AppState(Arc<Services>);

impl From<Services> for AppState {
    fn from(tools: Services) -> Self {
        Self(Arc::new(tools))
    }
}

impl Deref for AppState {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

/// What there is to work with.
pub struct Services {
    /// What pages look through.
    pub backend: Arc<dyn Backend>,
    /// Signs people in.
    pub sign_in: SignIn,
    /// Manages people's own accounts.
    pub user_profiles: UserProfiles,
    /// Knows who is looking.
    pub viewers: Viewers,
    /// Runs quest jobs.
    pub jobs: Jobs,
    /// Knows the keys of services.
    pub api_keys: ApiKeys,
    /// Sells packs.
    pub purchases: Purchases,
    /// Has plans and licenses follow Stripe.
    pub plans: Plans,
    /// Works for staff.
    pub staff: Staff,
    /// Tells whose tokens have moved.
    pub balance_events: BalanceEvents,
    /// Reads accounts.
    pub reader: AccountReader,
    /// As the application's role.
    pub pool: PgPool,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Moves time and sweeps; only under the demo's test clock.
    pub test_clock: Option<(Arc<ManualClock>, Sweeper)>,
    /// What Stripe's events are signed with; without it none is taken.
    pub webhook_secret: Option<WebhookSecret>,
    /// Leptos' names and places.
    pub leptos: LeptosOptions,
    /// Whether people reach this server by https.
    pub https: bool,
    /// What `/api/docs` shows.
    pub docs: Arc<ApiDocs>,
    /// The proxies in front of this server.
    pub proxies: TrustedProxies,
    /// What was counted, where the process counts.
    pub metrics: Option<PrometheusHandle>,
    /// Stands in for Stripe; only in the demo.
    pub sandbox: Option<Sandbox>,
    /// Demo accounts to offer at sign-in; none but in the demo.
    pub demo_sign_ins: Option<DemoSignIns>,
}

/// Everything that this server answers. Requests need their peer's address, as
/// [`ConnectInfo`](axum::extract::ConnectInfo).
#[derive(Clone)]
pub struct Site {
    all: Router,
    /// The API for whoever comes with a key: has no session, and does not pay for one.
    by_key: Router,
}

impl Site {
    /// All of it, with `state` to work with.
    pub fn new(state: AppState) -> Self {
        let request_id = HeaderName::from_static("x-request-id");
        let forms = Router::new()
            .route("/signin", post(forms::sign_in::sign_in))
            .route("/signout", post(forms::sign_in::sign_out))
            .route("/switch", post(forms::sign_in::switch))
            .route("/quests", post(forms::quests::generate))
            .route("/quests/done", post(forms::quests::set_done))
            .route("/billing/buy", post(forms::billing::buy))
            .route("/billing/plan", post(forms::plans::choose))
            .route("/billing/portal", post(forms::plans::portal))
            .route("/keys", post(forms::keys::create))
            .route("/keys/revoke", post(forms::keys::revoke))
            .route("/account/password", post(forms::account::change_password))
            .route("/account/sign-out-everywhere", post(forms::account::sign_out_everywhere))
            .route("/admin/events/replay", post(forms::admin::replay))
            .route("/admin/organizations/suspend", post(forms::organizations::suspend))
            .route("/admin/organizations/lift", post(forms::organizations::lift))
            .layer(DefaultBodyLimit::max(MAX_FORM_BYTES));
        let pages = pages::routes(&state)
            .merge(forms)
            .merge(api::routes())
            .route("/activity.csv", get(csv_export::export))
            .route("/billing/purchases.csv", get(purchases_csv::export))
            .route(RETURN_PATH, get(forms::plans::back))
            .layer(middleware::from_fn_with_state(state.clone(), session::identify))
            .layer(session::layer(&state));
        // Its own patience: what it does waits for Stripe to answer about many purchases.
        let slow: Router = Router::new()
            .route("/admin/reconciliation", post(forms::admin::compare))
            .route("/admin/reconciliation/mend", post(forms::admin::mend))
            .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
            .layer(middleware::from_fn_with_state(state.clone(), session::identify))
            .layer(session::layer(&state))
            .with_state(state.clone());
        let mut router = pages
            .merge(site::routes(&state.leptos))
            .route("/api/openapi.json", get(api::openapi))
            .route("/healthz", get(health::process))
            .route("/readyz", get(health::database))
            .route("/metrics", get(health::metrics));
        if let Some(sandbox) = &state.sandbox {
            router = router.nest_service(stripe_sandbox::MOUNT, sandbox.router());
        }
        if state.test_clock.is_some() {
            router = router.route("/api/v1/test-clock", post(test_clock::set));
        }
        let (https, proxies) = (state.https, state.proxies.clone());
        // One stack for all: each layer put on by itself would be boxed and cloned for every request.
        let outer = ServiceBuilder::new()
            .layer(SetRequestIdLayer::new(request_id.clone(), MakeRequestUuid))
            .layer(PropagateRequestIdLayer::new(request_id))
            .layer(middleware::from_fn(observe::observe))
            .map_response(move |response| headers::add(https, response))
            .layer(middleware::from_fn(api::explain))
            .layer(CompressionLayer::new())
            .layer(CatchPanicLayer::new());
        let inner = ServiceBuilder::new()
            .layer(
                CsrfLayer::new()
                    .with_rejection_response(|_| (StatusCode::FORBIDDEN, CROSS_SITE_MESSAGE).into_response()),
            )
            .map_request(move |request| client::identify(&proxies, request));
        let around = |patience: Duration| {
            let in_time = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, patience);
            outer.clone().layer(in_time).layer(inner.clone())
        };
        let by_key = api::routes().layer(MapResponseLayer::new(headers::keep_nowhere)).with_state(state.clone());
        let all =
            router.with_state(state).layer(around(REQUEST_TIMEOUT)).merge(slow.layer(around(SLOW_REQUEST_TIMEOUT)));
        Self { all, by_key: by_key.layer(around(REQUEST_TIMEOUT)) }
    }
}

impl Service<Request> for Site {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router always is.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let keyed = api::is_ours(&request) && request.headers().contains_key(AUTHORIZATION);
        if keyed { &mut self.by_key } else { &mut self.all }.call(request)
    }
}
