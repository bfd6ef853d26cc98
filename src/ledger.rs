//! The ledger: accounts, their balances, grants, holds and entries, and the outcome of each command.

pub mod account;
pub mod audit;
pub mod entry;
pub mod grant;
pub mod hold;
pub mod outcome;
pub mod overview;
pub mod tokens;
