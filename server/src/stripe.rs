//! Stripe: who takes the money, and what it tells of it.

pub mod event;
pub mod signature;
