//! Billing: payments become tokens once, refunds and disputes claw them back.

mod checkout;
mod currency;
mod documents;
mod inbox;
mod license;
mod notices;
mod plan_choices;
mod receipts;
mod schedules;
pub mod shop;
pub mod stand_in;
mod storm;
mod stripe_rows;
pub mod stripe_states;
mod subscriptions;
