//! The ledger: accounts with their balances, grants and holds, the entries that record every change, and command
//! outcomes.

pub mod account;
pub mod attachment;
pub mod audit;
pub mod balance;
pub mod entry;
pub mod grant;
pub mod hold;
pub mod outcome;
pub mod overview;
pub mod tokens;
