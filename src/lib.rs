//! The rules of prepaid AI tokens: what is sold, who may spend, what a spend burns, and what is written down.
//!
//! Pure: no IO, no clock, no randomness; time and ids arrive as arguments. [`decide`](decide::decide) takes an
//! [`Account`](ledger::account::Account) and a [`Command`](command::Command) and answers with a
//! [`Decision`](decide::Decision) or a [`Refusal`](access::refusal::Refusal); the server does the rest.

pub mod access;
pub mod billing;
pub mod catalog;
pub mod command;
pub mod decide;
pub mod features;
pub mod idempotency_key;
pub mod ids;
pub mod insight;
pub mod ledger;
pub mod names;
pub mod reason;
pub mod time;

/// The catalog that Brightmeter ships with; `BRIGHTMETER_CATALOG` replaces it.
pub const DEFAULT_CATALOG: &str = include_str!("../catalog.toml");
