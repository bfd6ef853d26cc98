//! The port that pages look through. The server implements it; it travels by context.

use std::sync::Arc;

use async_trait::async_trait;
use brightmeter::ids::{MemberId, OrgId, UserId};
use chrono_tz::Tz;
use leptos::prelude::use_context;

use crate::{
    error::AppError,
    views::{
        AccountView, ActivityFilter, ActivityView, BalancesView, BillingView, DashboardView, JobView, KeysView,
        QuestsView, Viewer,
        license::LicenseView,
        purchases::{PurchaseView, PurchasesView},
    },
};

/// Who is signed in, and in which organization; put into the request by the session layer.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The person.
    pub user: UserId,
    /// The organization.
    pub org: OrgId,
    /// The person's membership in it.
    pub member: MemberId,
    /// The organization's time zone.
    pub zone: Tz,
    /// What the frame of every page shows of it.
    pub viewer: Viewer,
}

/// What pages ask for. Every call is for one signed-in member and sees that member's organization only.
#[async_trait]
pub trait Backend: Send + Sync {
    /// `/dashboard`.
    async fn dashboard(&self, who: &SignedIn) -> Result<DashboardView, AppError>;
    /// The balances alone, for Refresh.
    async fn balances(&self, who: &SignedIn) -> Result<BalancesView, AppError>;
    /// `/quests`, with the job of that id if one is named.
    async fn quests(&self, who: &SignedIn, job: Option<String>) -> Result<QuestsView, AppError>;
    /// One job and its receipt.
    async fn job(&self, who: &SignedIn, job: String) -> Result<JobView, AppError>;
    /// `/activity`.
    async fn activity(&self, who: &SignedIn, filter: ActivityFilter) -> Result<ActivityView, AppError>;
    /// `/account`.
    async fn account(&self, who: &SignedIn) -> Result<AccountView, AppError>;
    /// `/billing`.
    async fn billing(&self, who: &SignedIn) -> Result<BillingView, AppError>;
    /// `/billing/purchases`, for whoever manages the organization.
    async fn purchases(&self, who: &SignedIn) -> Result<PurchasesView, AppError>;
    /// One purchase, for the same; for whoever comes `back` from Stripe, as Stripe has it.
    async fn purchase(&self, who: &SignedIn, id: String, back: bool) -> Result<PurchaseView, AppError>;
    /// `/license`.
    async fn license(&self, who: &SignedIn) -> Result<LicenseView, AppError>;
    /// `/keys`, for whoever manages the organization.
    async fn keys(&self, who: &SignedIn) -> Result<KeysView, AppError>;
}

/// The backend and whoever is signed in.
///
/// # Errors
/// [`AppError::SignInRequired`].
pub fn backend() -> Result<(Arc<dyn Backend>, SignedIn), AppError> {
    let who = use_context::<axum::http::request::Parts>().and_then(|parts| parts.extensions.get::<SignedIn>().cloned());
    match (use_context::<Arc<dyn Backend>>(), who) {
        (Some(backend), Some(who)) => Ok((backend, who)),
        _ => Err(AppError::SignInRequired),
    }
}

/// Answers a server function: asks the backend for whoever is signed in, and gives an error its status.
///
/// # Errors
/// [`AppError`].
pub async fn answer<T, Answer: Future<Output = Result<T, AppError>>>(
    ask: impl FnOnce(Arc<dyn Backend>, SignedIn) -> Answer,
) -> Result<T, AppError> {
    let response = use_context::<leptos_axum::ResponseOptions>();
    let result = match backend() {
        Ok((backend, who)) => ask(backend, who).await,
        Err(error) => Err(error),
    };
    if let (Err(error), Some(response)) = (&result, response)
        && let Ok(status) = axum::http::StatusCode::from_u16(error.status())
    {
        response.set_status(status);
    }
    result
}
