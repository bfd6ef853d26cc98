//! The demo: its data, and the sandbox that replaces Stripe. `serve` uses none of it.

pub mod fill;
mod scenario;
pub mod stripe_sandbox;
mod subscriptions;
