//! The router as a browser meets it, with a clock that stands still.

mod account;
mod activity;
pub mod browser;
mod keys;
mod machines;
mod organizations;
mod origins;
mod pages;
mod quests;
mod safety;
mod sessions;
mod sign_in;
mod staff;
mod tenants;
