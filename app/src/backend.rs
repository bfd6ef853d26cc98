//! The port that pages look through. The server implements it; it travels by context.

use std::sync::Arc;

use async_trait::async_trait;
use brightmeter::ids::{MemberId, OrgId, UserId};
use chrono_tz::Tz;
use leptos::prelude::use_context;

use crate::{
    error::AppError,
    views::{
        AccountView, ActivityFilter, ActivityView, ApiKeysView, BalancesView, BillingView, DashboardView, JobView,
        QuestsView, Viewer,
        admin::{EventsView, OrganizationPageView, OrganizationsView, PricingView, ReconciliationView},
        license::LicenseView,
        plans::PlanChoiceView,
        purchases::{InvoiceView, PurchaseView, PurchasesView},
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

/// Staff who are signed in; put into the request by the session layer, which asks the database each time.
#[derive(Clone, Debug)]
pub struct StaffMember {
    /// The person.
    pub user: UserId,
    /// What others read.
    pub name: String,
    /// The organization that the person looks at as its member, if there is one.
    pub org: Option<String>,
    /// Whether this server shows demo data.
    pub demo: bool,
}

/// What pages ask for. Every call is for one signed-in member and sees that member's organization only; those of the staff console
/// are for staff, and show of an organization its name, its plan and its license, and nothing of what it does.
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
    /// `/billing/plan`: what it means to go to that plan; for whoever manages the organization. Stripe is asked for the price if `ask`
    /// says so.
    async fn plan_choice(&self, who: &SignedIn, to: String, ask: bool) -> Result<PlanChoiceView, AppError>;
    /// `/billing/purchases`, for whoever manages the organization.
    async fn purchases(&self, who: &SignedIn) -> Result<PurchasesView, AppError>;
    /// One purchase, for the same; for whoever comes `back` from Stripe, as Stripe has it.
    async fn purchase(&self, who: &SignedIn, id: String, back: bool) -> Result<PurchaseView, AppError>;
    /// One payment for the plan, for the same.
    async fn invoice(&self, who: &SignedIn, id: String) -> Result<InvoiceView, AppError>;
    /// `/license`.
    async fn license(&self, who: &SignedIn) -> Result<LicenseView, AppError>;
    /// `/keys`, for whoever manages the organization.
    async fn keys(&self, who: &SignedIn) -> Result<ApiKeysView, AppError>;
    /// `/admin/pricing`, with the figures that the address has.
    async fn pricing(&self, staff: &StaffMember, asked: Vec<(String, String)>) -> Result<PricingView, AppError>;
    /// `/admin/events`.
    async fn stripe_events(&self, staff: &StaffMember) -> Result<EventsView, AppError>;
    /// `/admin/organizations`, those with what was asked for in their name or slug.
    async fn organizations(&self, staff: &StaffMember, asked: String) -> Result<OrganizationsView, AppError>;
    /// `/admin/organizations/…`, the one of that id.
    async fn organization(&self, staff: &StaffMember, id: String) -> Result<OrganizationPageView, AppError>;
    /// `/admin/reconciliation`.
    async fn reconciliation(&self, staff: &StaffMember) -> Result<ReconciliationView, AppError>;
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

/// The backend and whoever of the staff is signed in.
///
/// # Errors
/// [`AppError::SignInRequired`]; [`AppError::NotFound`] for whoever is no staff, as if there were no such page.
pub fn staff_backend() -> Result<(Arc<dyn Backend>, StaffMember), AppError> {
    let parts = use_context::<axum::http::request::Parts>();
    let staff = parts.as_ref().and_then(|parts| parts.extensions.get::<StaffMember>().cloned());
    let member = parts.is_some_and(|parts| parts.extensions.get::<SignedIn>().is_some());
    match (use_context::<Arc<dyn Backend>>(), staff) {
        (Some(backend), Some(staff)) => Ok((backend, staff)),
        _ if member => Err(AppError::NotFound),
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
