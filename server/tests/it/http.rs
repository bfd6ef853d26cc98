//! The router as a browser meets it, with a clock that stands still.

mod activity;
mod browser;
mod machines;
mod origins;
mod pages;
mod quests;
mod sessions;
mod sign_in;
mod tenants;
