//! The HTTP server: pages, forms, the REST API, webhooks and health checks. Handlers are thin: extract, parse, call,
//! respond.

mod admission;
pub mod api;
mod audience;
pub mod backend;
mod body_deadline;
mod client;
mod connections;
mod csv_export;
mod csv_file;
mod forms;
mod headers;
mod health;
mod known_browser;
mod observe;
mod pages;
mod permitted;
mod problem;
mod purchases_csv;
mod rate_limit_headers;
mod referer;
mod request_ids;
mod session;
mod site;
mod state;
mod target;
mod test_clock;
pub mod viewer;
mod webhooks;

use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{StatusCode, header::AUTHORIZATION},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{future::RouteFuture, get, post},
};
use tower::{Service, ServiceBuilder, util::MapResponseLayer};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    csrf::CsrfLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::TimeoutLayer,
};

use self::request_ids::REQUEST_ID;
pub use self::{
    connections::{Limits, MAX_OPEN_FILES, serve},
    state::{AppState, Services},
};
use crate::{
    deadlines::REQUEST, demo::stripe_sandbox, service::staff::reconciliation::RECONCILE_TIMEOUT,
    stripe::gateway::RETURN_PATH,
};

/// The request timeout of reconciliation, which queries Stripe for many purchases: longer than [`RECONCILE_TIMEOUT`].
const SLOW_REQUEST_TIMEOUT: Duration = RECONCILE_TIMEOUT.saturating_add(Duration::from_secs(15));
/// The response to a form submitted from another site.
const CROSS_SITE_MESSAGE: &str =
    "This form was submitted from another site, so it was rejected. Open the page here and submit it again.\n";
/// The maximum size of a form's body.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// The whole HTTP service. Requests need their peer's address as [`ConnectInfo`](axum::extract::ConnectInfo).
#[derive(Clone)]
pub struct Site {
    all: Router,
    /// The API for requests with an API key: it skips the session layer and its cost.
    by_key: Router,
}

impl Site {
    /// Builds the service.
    pub fn new(state: AppState) -> Self {
        let guests = pages::guests(&state)
            .route("/signin", post(forms::sign_in::sign_in))
            .route_layer(from_fn(audience::guests_only));
        let members = pages::members(&state)
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
            .route("/activity.csv", get(csv_export::export))
            .route("/billing/purchases.csv", get(purchases_csv::export))
            .route(RETURN_PATH, get(forms::plans::return_from_stripe))
            .route_layer(from_fn(audience::members_only));
        let staff = pages::staff(&state)
            .route("/admin/events/replay", post(forms::events::replay))
            .route("/admin/organizations/suspend", post(forms::organizations::suspend))
            .route("/admin/organizations/lift", post(forms::organizations::lift))
            .route_layer(from_fn_with_state(state.clone(), audience::staff_only));
        let with_session = pages::public(&state)
            .route("/signout", post(forms::sign_in::sign_out))
            .merge(guests)
            .merge(members)
            .merge(staff)
            .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
            .merge(api::routes())
            .layer(from_fn_with_state(state.clone(), session::identify))
            .layer(session::layer(&state));
        // These wait for Stripe to answer about many purchases, so they have a timeout of their own.
        let slow: Router = Router::new()
            .route("/admin/reconciliation", post(forms::reconciliation::compare))
            .route("/admin/reconciliation/fix", post(forms::reconciliation::fix))
            .route_layer(from_fn_with_state(state.clone(), audience::staff_only))
            .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
            .layer(from_fn_with_state(state.clone(), session::identify))
            .layer(session::layer(&state))
            .with_state(state.clone());
        let mut router = with_session
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
        // One stack for all layers: axum boxes and clones each separate layer for every request.
        let outer = ServiceBuilder::new()
            .map_request(request_ids::take_client_id)
            .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
            .layer(PropagateRequestIdLayer::new(REQUEST_ID))
            .layer(from_fn(observe::observe))
            .map_response(move |response| headers::add(https, known_browser::set_cookie(https, response)))
            .layer(from_fn(api::errors_as_problems))
            .layer(from_fn_with_state(state.clone(), pages::unavailable_as_page))
            .layer(CompressionLayer::new())
            .layer(CatchPanicLayer::new());
        let inner = ServiceBuilder::new()
            .layer(from_fn(admission::admit))
            .layer(
                CsrfLayer::new()
                    .with_rejection_response(|_| (StatusCode::FORBIDDEN, CROSS_SITE_MESSAGE).into_response()),
            )
            .map_request(move |request| client::identify(&proxies, request))
            .map_request(referer::keep_own);
        let with_timeout = |limit: Duration| {
            let in_time = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, limit);
            outer.clone().layer(in_time).layer(inner.clone())
        };
        let by_key = api::routes().layer(MapResponseLayer::new(headers::no_store)).with_state(state.clone());
        let all =
            router.with_state(state).layer(with_timeout(REQUEST)).merge(slow.layer(with_timeout(SLOW_REQUEST_TIMEOUT)));
        Self { all, by_key: by_key.layer(with_timeout(REQUEST)) }
    }
}

impl Service<Request> for Site {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Routers are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let keyed = api::is_api_request(&request) && request.headers().contains_key(AUTHORIZATION);
        if keyed { &mut self.by_key } else { &mut self.all }.call(request)
    }
}
