//! The REST API as a service meets it.

pub mod client;
mod commands;
mod credentials;
mod document;
mod hostile;
mod isolation;
mod reports;
mod statuses;
mod stream;
mod stripe;
