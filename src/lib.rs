//! The rules of prepaid AI tokens: what is sold, who may spend, what a spend burns, and what is written down.
//!
//! Pure: no IO, no clock, no randomness; time and ids arrive as arguments. [`decide`](decide::decide) takes an
//! [`Account`](account::Account) and a [`Command`](command::Command) and answers with a
//! [`Decision`](decide::Decision) or a [`Refusal`](refusal::Refusal); the server does the rest.

pub mod account;
pub mod api_key;
pub mod audit;
pub mod catalog;
pub mod command;
pub mod course;
pub mod decide;
pub mod dues;
pub mod entitlement;
pub mod entry;
pub mod grant;
pub mod guard;
pub mod hold;
pub mod ids;
pub mod key;
pub mod license;
pub mod money;
pub mod names;
pub mod overview;
pub mod period;
pub mod purchase;
pub mod quest;
pub mod reason;
pub mod receipt;
pub mod refusal;
pub mod runway;
pub mod subscription;
pub mod time;
pub mod tokens;

/// The catalog that Brightmeter ships with; `BRIGHTMETER_CATALOG` replaces it.
pub const DEFAULT_CATALOG: &str = include_str!("../catalog.toml");
