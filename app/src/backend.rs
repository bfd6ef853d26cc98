//! The port between the pages and the server: the [`Backend`] trait, which the server provides as Leptos context.

use std::sync::Arc;

use async_trait::async_trait;
use brightmeter::{
    access::role::{Action, Forbidden},
    ids::{MemberId, OrgId, UserId},
    time_zone::TimeZone,
};
use leptos::prelude::use_context;

use crate::{
    error::AppError,
    views::{
        AccountView, ActivityFilter, ActivityView, ApiKeysView, BalancesView, BillingView, DashboardView, JobView,
        QuestsView, Viewer,
        admin::{EventsFilter, EventsView, OrganizationPageView, OrganizationsView, PricingView, ReconciliationView},
        license::LicenseView,
        plans::PlanChoiceView,
        purchases::{InvoiceView, PurchaseView, PurchasesView},
    },
};

/// The signed-in member. The session layer adds it to the request's extensions.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The user.
    pub user: UserId,
    /// The current organization.
    pub org: OrgId,
    /// The user's membership in the organization.
    pub member: MemberId,
    /// The organization's time zone.
    pub zone: TimeZone,
    /// The data for the frame of every page.
    pub viewer: Viewer,
}

impl SignedIn {
    /// Consults the permission table.
    ///
    /// # Errors
    /// [`Forbidden`] if the member's role does not permit `action`.
    pub fn authorize(&self, action: Action) -> Result<(), Forbidden> {
        if self.viewer.role.permits(action) { Ok(()) } else { Err(Forbidden) }
    }
}

/// The signed-in staff member. The session layer adds it to the request's extensions, after a check in the database on
/// every request.
#[derive(Clone, Debug)]
pub struct StaffMember {
    /// The user.
    pub user: UserId,
    /// The user's name.
    pub name: String,
    /// The name of the organization that the user is signed in to as a member, if any.
    pub org: Option<String>,
    /// Whether this server shows demo data.
    pub demo: bool,
}

/// The data of all pages. Member pages see only the member's organization. Staff pages see an organization's name, plan
/// and license, but not its activity.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Returns `/dashboard`.
    async fn dashboard(&self, who: &SignedIn) -> Result<DashboardView, AppError>;
    /// Returns the balances alone, for Refresh.
    async fn balances(&self, who: &SignedIn) -> Result<BalancesView, AppError>;
    /// Returns `/quests`, including the job with the id `job`, if given.
    async fn quests(&self, who: &SignedIn, job: Option<String>) -> Result<QuestsView, AppError>;
    /// Returns one job.
    async fn job(&self, who: &SignedIn, job: String) -> Result<JobView, AppError>;
    /// Returns `/activity`.
    async fn activity(&self, who: &SignedIn, filter: ActivityFilter) -> Result<ActivityView, AppError>;
    /// Returns `/account`.
    async fn account(&self, who: &SignedIn) -> Result<AccountView, AppError>;
    /// Returns `/billing`, with prices in `currency` if they can be: an organization with a subscription has its currency.
    async fn billing(&self, who: &SignedIn, currency: String) -> Result<BillingView, AppError>;
    /// Returns `/billing/plan`, the preview of a change to the plan `to`, in `currency` if it can be. Owners and admins
    /// only. Gets the amount due from Stripe if `ask_stripe` is true.
    async fn plan_choice(
        &self,
        who: &SignedIn,
        to: String,
        currency: String,
        ask_stripe: bool,
    ) -> Result<PlanChoiceView, AppError>;
    /// Returns `/billing/purchases`. Owners and admins only.
    async fn purchases(&self, who: &SignedIn) -> Result<PurchasesView, AppError>;
    /// Returns one purchase. Owners and admins only. If the user comes `back` from Stripe, the purchase is first read
    /// from Stripe.
    async fn purchase(&self, who: &SignedIn, id: String, back: bool) -> Result<PurchaseView, AppError>;
    /// Returns one paid invoice of the plan. Owners and admins only.
    async fn invoice(&self, who: &SignedIn, id: String) -> Result<InvoiceView, AppError>;
    /// Returns `/license`.
    async fn license(&self, who: &SignedIn) -> Result<LicenseView, AppError>;
    /// Returns `/keys`. Owners and admins only.
    async fn keys(&self, who: &SignedIn) -> Result<ApiKeysView, AppError>;
    /// Returns `/admin/pricing`, calculated with the figures in the query string.
    async fn pricing(&self, staff: &StaffMember, requested: Vec<(String, String)>) -> Result<PricingView, AppError>;
    /// Returns `/admin/events`.
    async fn stripe_events(&self, staff: &StaffMember, filter: EventsFilter) -> Result<EventsView, AppError>;
    /// Returns `/admin/organizations`: the organizations with `search` in their name or slug, or all if it is empty.
    async fn organizations(&self, staff: &StaffMember, search: String) -> Result<OrganizationsView, AppError>;
    /// Returns one organization for `/admin/organizations/…`.
    async fn organization(&self, staff: &StaffMember, id: String) -> Result<OrganizationPageView, AppError>;
    /// Returns `/admin/reconciliation`.
    async fn reconciliation(&self, staff: &StaffMember) -> Result<ReconciliationView, AppError>;
}

/// Returns the backend and the signed-in member.
///
/// # Errors
/// [`AppError::SignInRequired`] without a session.
pub fn backend() -> Result<(Arc<dyn Backend>, SignedIn), AppError> {
    let who = use_context::<axum::http::request::Parts>().and_then(|parts| parts.extensions.get::<SignedIn>().cloned());
    match (use_context::<Arc<dyn Backend>>(), who) {
        (Some(backend), Some(who)) => Ok((backend, who)),
        _ => Err(AppError::SignInRequired),
    }
}

/// Returns the backend and the signed-in staff member.
///
/// # Errors
/// [`AppError::SignInRequired`] without a session. [`AppError::NotFound`] for members who aren't staff, to hide the
/// page.
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

/// Runs a server function for the signed-in member, and sets the HTTP status of an error.
///
/// # Errors
/// [`AppError::SignInRequired`] without a session, or the error that `fetch` returns.
pub async fn answer<T, Answer: Future<Output = Result<T, AppError>>>(
    fetch: impl FnOnce(Arc<dyn Backend>, SignedIn) -> Answer,
) -> Result<T, AppError> {
    let response = use_context::<leptos_axum::ResponseOptions>();
    let result = match backend() {
        Ok((backend, who)) => fetch(backend, who).await,
        Err(error) => Err(error),
    };
    if let (Err(error), Some(response)) = (&result, response)
        && let Ok(status) = axum::http::StatusCode::from_u16(error.status())
    {
        response.set_status(status);
    }
    result
}
