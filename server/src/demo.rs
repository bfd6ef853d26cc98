//! The demo: its data, its story, and the sandbox that stands in for Stripe. `serve` never reaches it.

pub mod fill;
mod story;
pub mod stripe_sandbox;
mod subscriptions;
