//! Stripe, the payment provider: requests to its API and the webhooks it sends.

pub mod api;
pub mod event;
pub mod gateway;
pub mod signature;
pub mod webhook_facts;
