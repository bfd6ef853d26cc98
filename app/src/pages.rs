//! The pages, one file per page.

pub mod account;
pub mod activity;
pub mod admin;
pub mod api_docs;
pub mod billing;
pub mod dashboard;
pub mod invoice;
pub mod job;
pub mod keys;
pub mod license;
pub mod not_found;
pub mod plan;
pub mod purchase;
pub mod purchases;
pub mod quests;
pub mod sign_in;
pub mod start;

pub use account::AccountPage;
pub use activity::ActivityPage;
pub use admin::{ConsolePage, EventsPage, OrganizationPage, OrganizationsPage, PricingPage, ReconciliationPage};
pub use api_docs::ApiDocsPage;
pub use billing::BillingPage;
pub use dashboard::DashboardPage;
pub use invoice::InvoicePage;
pub use job::JobPage;
pub use keys::KeysPage;
pub use license::LicensePage;
pub use not_found::NotFoundPage;
pub use plan::PlanPage;
pub use purchase::PurchasePage;
pub use purchases::PurchasesPage;
pub use quests::QuestsPage;
pub use sign_in::SignInPage;
pub use start::StartPage;
