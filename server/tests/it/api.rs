//! Tests of the REST API over HTTP.

mod authorize;
mod catalog;
mod check_balance;
pub mod client;
mod deduct;
mod document;
mod holds;
mod invalid_requests;
mod isolation;
mod ledger;
mod license;
mod refunds;
mod stats;
mod statuses;
mod stream;
mod stripe_webhook;
