//! The domain of Brightmeter: the rules of prepaid AI tokens.
//!
//! The crate is pure: no IO, no clock, no randomness. Time and ids are arguments.
//!
//! - [`command`]: the commands that change an account, and their callers.
//! - [`decide`]: the decision on a command. [`entitlement`](decide::entitlement) has the order of refusal.
//! - [`ledger`]: accounts with their balances, grants and holds; entries, outcomes and the audit.
//! - [`billing`]: payments, invoices, subscriptions, plan changes, billing periods and the license.
//! - [`access`]: roles, API keys, rate and abuse guards, and refusals.
//! - [`catalog`]: plans, packs and features with their prices, margins and limits.
//! - [`insight`]: the runway of a balance.
//! - [`features`]: the input and results of AI features.
//! - [`ids`], [`names`], [`display_name`], [`quantity`], [`time`], [`reason`], [`idempotency_key`]: shared value types.
//!
//! # Example
//!
//! [`decide`](decide::decide) takes an [`Account`](ledger::account::Account) and a [`Command`](command::Command), and
//! returns a [`Decision`](decide::Decision) with the changes, the entries and the outcome, or a
//! [`Refusal`](access::refusal::Refusal). The server loads the account, stores the decision in one transaction and
//! returns the outcome.
//!
//! ```
//! use brightmeter::{
//!     DEFAULT_CATALOG,
//!     billing::period::Anchor,
//!     catalog::Catalog,
//!     command::{Caller, Command, Usage},
//!     decide::{Context, decide},
//!     ids::{MemberId, OrgId, TransactionId},
//!     ledger::{account::Account, entry::EntryKind, outcome::Effect},
//!     quantity::Quantity,
//!     time::Instant,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let catalog = Catalog::parse(DEFAULT_CATALOG)?;
//! let now = Instant::UNIX_EPOCH;
//! let org: OrgId = "00000000-0000-0000-0000-000000000001".parse()?;
//! let member: MemberId = "00000000-0000-0000-0000-00000000000a".parse()?;
//! let transaction: TransactionId = "00000000-0000-0000-0000-0000000000ff".parse()?;
//!
//! let mut account = Account::open(org, "pro".parse()?, Anchor(now));
//! let command = Command::Spend(Usage {
//!     caller: Caller::Member { member },
//!     feature: "quest_generation".parse()?,
//!     quantity: Quantity::ONE,
//!     metadata: None,
//! });
//! let decision = decide(&account, &command, &Context { catalog: &catalog, now, transaction })?;
//!
//! // The first command starts the first period, so the allowances of both token types are granted first.
//! let kinds: Vec<EntryKind> = decision.entries.iter().map(|(entry, _)| entry.kind).collect();
//! assert_eq!(kinds, [EntryKind::Granted, EntryKind::Granted, EntryKind::Spent]);
//! let Effect::Spent { amount, balance, .. } = &decision.outcome.effect else { panic!("not spent") };
//! assert_eq!((amount.get(), balance.settled.get()), (5, 195));
//!
//! account.apply(&decision.changes);
//! assert_eq!(account.balance(&"ai".parse()?).available().get(), 195);
//! # Ok(())
//! # }
//! ```

pub mod access;
pub mod billing;
pub mod catalog;
pub mod command;
pub mod decide;
pub mod display_name;
pub mod features;
pub mod idempotency_key;
pub mod ids;
pub mod insight;
pub mod ledger;
pub mod names;
mod one_line;
pub mod quantity;
pub mod reason;
pub mod time;
pub mod time_zone;

/// The built-in catalog, as TOML. The environment variable `BRIGHTMETER_CATALOG` replaces it.
pub const DEFAULT_CATALOG: &str = include_str!("../catalog.toml");
