//! The use cases of Brightmeter, between the adapters (HTTP, CLI, Stripe, AI) and storage.

pub mod account_reader;
pub mod api_keys;
pub mod audit;
pub mod balance_events;
pub mod customers;
pub mod database_checks;
pub mod inbox;
pub mod jobs;
mod known_browser;
pub mod memberships;
pub mod org_reads;
pub mod passwords;
pub mod payment_history;
pub mod plans;
pub mod provisioning;
pub mod purchases;
pub mod readiness;
pub mod reconcile;
pub(crate) mod session_data;
pub(crate) mod session_store;
pub mod sign_in;
pub mod staff;
pub mod sweeper;
pub mod throttle;
pub mod user_profile;
pub mod writer;

pub use crate::storage::{Result, StorageError, outage::is_caused_by_outage};
