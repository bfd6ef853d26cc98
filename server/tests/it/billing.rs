//! Money: what Stripe tells becomes tokens, once, and goes back with the money.

mod checkout;
mod inbox;
mod license;
mod plan_choices;
mod receipts;
pub mod shop;
mod storm;
mod subscriptions;
