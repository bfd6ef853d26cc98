//! Webhooks: events that other systems send.

pub(super) mod stripe;
