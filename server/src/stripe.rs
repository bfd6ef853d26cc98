//! Stripe: who takes the money, and what it tells of it.

pub mod api;
pub mod event;
pub mod gateway;
pub mod sandbox;
pub mod signature;
pub mod told;
