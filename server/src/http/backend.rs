//! The app's [`Backend`]: loads the data of each page with one call, in one transaction.

mod activity;
mod admin;
mod billing;
mod dashboard;
mod entry;
mod keys;
pub mod license;
mod notices;
mod organizations;
pub mod plans;
mod purchases;
mod quests;
mod stripe_events;

use app::{
    backend::{Backend, SignedIn, StaffMember},
    error::AppError,
    views::{
        AccountView, ActivityFilter, ActivityView, ApiKeysView, BalancesView, BillingView, DashboardView, JobView,
        LocalTime, QuestsView,
        admin::{EventsFilter, EventsView, OrganizationPageView, OrganizationsView, PricingView, ReconciliationView},
        license::LicenseView,
        plans::PlanChoiceView,
        purchases::{InvoiceView, PurchaseView, PurchasesView},
    },
};
use async_trait::async_trait;
use brightmeter::{
    access::{api_key::Denial, role::Forbidden},
    time::Instant,
    time_zone::TimeZone,
};
use sqlx::PgPool;

use crate::{
    request_id,
    service::{
        StorageError,
        account_reader::{AccountReader, ReadError},
        api_keys::ApiKeys,
        is_caused_by_outage,
        jobs::Jobs,
        plans::Plans,
        purchases::Purchases,
        staff::Staff,
        user_profile::UserProfiles,
        writer::SubmitError,
    },
};

pub use self::{activity::csv_filter, entry::Names};

/// Loads the data of pages.
#[derive(Clone)]
pub struct AppBackend {
    /// Connections with the application's database role.
    pub pool: PgPool,
    /// Reads accounts.
    pub reader: AccountReader,
    /// Quest jobs, for the usage of a job.
    pub jobs: Jobs,
    /// User profiles.
    pub user_profiles: UserProfiles,
    /// API keys.
    pub api_keys: ApiKeys,
    /// Pack orders, refreshed from Stripe.
    pub purchases: Purchases,
    /// Plans, with prices of plan changes from Stripe.
    pub plans: Plans,
    /// Staff's organization search.
    pub staff: Staff,
}

/// Formats instants in an organization's time zone, relative to `now`.
#[derive(Clone, Copy)]
struct Wording {
    zone: TimeZone,
    now: Instant,
}

impl Wording {
    fn new(backend: &AppBackend, who: &SignedIn) -> Self {
        Self { zone: who.zone, now: backend.reader.clock.now() }
    }

    fn local_time(&self, at: Instant) -> LocalTime {
        LocalTime::new(at, self.zone, self.now)
    }

    fn day(&self, at: Instant) -> String {
        self.zone.local(at).format("%A, %-d %B %Y").to_string()
    }

    fn time(&self, at: Instant) -> String {
        self.zone.local(at).format("%H:%M").to_string()
    }
}

#[async_trait]
impl Backend for AppBackend {
    async fn dashboard(&self, who: &SignedIn) -> Result<DashboardView, AppError> {
        dashboard::dashboard(self, who).await.map_err(BackendError::into_app)
    }

    async fn balances(&self, who: &SignedIn) -> Result<BalancesView, AppError> {
        dashboard::balances(self, who).await.map_err(BackendError::into_app)
    }

    async fn quests(&self, who: &SignedIn, job: Option<String>) -> Result<QuestsView, AppError> {
        quests::quests(self, who, job).await.map_err(BackendError::into_app)
    }

    async fn job(&self, who: &SignedIn, job: String) -> Result<JobView, AppError> {
        quests::job(self, who, &job).await.map_err(BackendError::into_app)
    }

    async fn activity(&self, who: &SignedIn, filter: ActivityFilter) -> Result<ActivityView, AppError> {
        activity::activity(self, who, filter).await.map_err(BackendError::into_app)
    }

    async fn account(&self, who: &SignedIn) -> Result<AccountView, AppError> {
        let profile = self.user_profiles.load(who.user, self.reader.clock.now()).await;
        let (email, sessions) = profile.map_err(|error| BackendError::from(error).into_app())?;
        Ok(AccountView { email, sessions })
    }

    async fn billing(&self, who: &SignedIn, currency: String) -> Result<BillingView, AppError> {
        billing::billing(self, who, &currency).await.map_err(BackendError::into_app)
    }

    async fn plan_choice(
        &self,
        who: &SignedIn,
        to: String,
        currency: String,
        fetch_price: bool,
    ) -> Result<PlanChoiceView, AppError> {
        plans::choice(self, who, (&to, &currency), fetch_price).await.map_err(BackendError::into_app)
    }

    async fn purchases(&self, who: &SignedIn) -> Result<PurchasesView, AppError> {
        purchases::purchases(self, who).await.map_err(BackendError::into_app)
    }

    async fn purchase(&self, who: &SignedIn, id: String, returning: bool) -> Result<PurchaseView, AppError> {
        purchases::purchase(self, who, &id, returning).await.map_err(BackendError::into_app)
    }

    async fn invoice(&self, who: &SignedIn, id: String) -> Result<InvoiceView, AppError> {
        purchases::invoice(self, who, &id).await.map_err(BackendError::into_app)
    }

    async fn license(&self, who: &SignedIn) -> Result<LicenseView, AppError> {
        license::license(self, who).await.map_err(BackendError::into_app)
    }

    async fn keys(&self, who: &SignedIn) -> Result<ApiKeysView, AppError> {
        keys::keys(self, who).await.map_err(BackendError::into_app)
    }

    async fn pricing(&self, _: &StaffMember, requested: Vec<(String, String)>) -> Result<PricingView, AppError> {
        Ok(admin::pricing(&self.reader.catalog, &requested))
    }

    async fn stripe_events(&self, staff: &StaffMember, filter: EventsFilter) -> Result<EventsView, AppError> {
        stripe_events::list(self, staff, &filter).await.map_err(BackendError::into_app)
    }

    async fn organizations(&self, _: &StaffMember, query: String) -> Result<OrganizationsView, AppError> {
        organizations::list(self, &query).await.map_err(BackendError::into_app)
    }

    async fn organization(&self, _: &StaffMember, id: String) -> Result<OrganizationPageView, AppError> {
        organizations::one(self, &id).await.map_err(BackendError::into_app)
    }

    async fn reconciliation(&self, _: &StaffMember) -> Result<ReconciliationView, AppError> {
        Ok(admin::reconciliation(self))
    }
}

/// Why a page's data can't be loaded.
#[derive(Debug, thiserror::Error)]
enum BackendError {
    #[error("not found")]
    NotFound,
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl BackendError {
    fn into_app(self) -> AppError {
        match self {
            Self::NotFound | Self::Read(ReadError::NotFound) => AppError::NotFound,
            Self::Forbidden(Forbidden) => AppError::Forbidden,
            Self::Read(ReadError::Submit(error)) => submit_error(error),
            Self::Read(ReadError::Storage(_)) | Self::Storage(_) => internal(&self),
        }
    }
}

/// Converts the error of a command that wasn't applied to the one shown to the user.
pub fn submit_error(error: SubmitError) -> AppError {
    match error {
        SubmitError::Refused(refusal) => AppError::Refused { refusal },
        SubmitError::Busy => AppError::Busy,
        SubmitError::OutcomeUnknown => AppError::OutcomeUnknown,
        SubmitError::Denied(Denial::InvalidKey) => AppError::SignInRequired,
        SubmitError::Denied(Denial::ScopeMissing { .. } | Denial::ManagersOnly) => AppError::Forbidden,
        SubmitError::UnknownOrganization | SubmitError::Denied(Denial::UnknownMember) => AppError::NotFound,
        SubmitError::KeyReused => AppError::Invalid { fields: Vec::new() },
        SubmitError::Storage(_) => internal(&error),
    }
}

/// Converts an unexpected error. An internal one is logged with the request id, and the user sees only the id. The writers
/// report an outage of the database.
pub fn internal(error: &(dyn std::error::Error + 'static)) -> AppError {
    let request_id = request_id::current();
    if is_caused_by_outage(error) {
        tracing::debug!(error, request_id, "a request met an outage of the database");
        return AppError::Unavailable;
    }
    tracing::error!(error, request_id, "a request could not be answered");
    AppError::Internal { request_id }
}
