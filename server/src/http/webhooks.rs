//! Webhooks: events that other systems deliver.

pub(super) mod stripe;
