//! Stripe: who takes the money, and what it tells of it.

pub mod api;
pub mod event;
pub mod gateway;
pub mod signature;
pub mod webhook_facts;
