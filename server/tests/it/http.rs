//! Tests of the router through a browser, with a fixed clock.

mod account;
mod activity;
pub mod browser;
mod days;
mod escaping;
mod events;
mod keys;
mod machines;
mod organizations;
mod origins;
mod outages;
mod pages;
mod quests;
pub mod reconciliation;
mod safety;
mod sessions;
mod sign_in;
mod staff;
mod tenants;
