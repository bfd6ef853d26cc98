//! Billing: payments, invoices, subscriptions, plan changes, billing periods and the license.

pub mod document;
pub mod invoices;
pub mod license;
pub mod money;
pub mod notice;
pub mod payment;
pub mod period;
pub mod plan_change;
pub mod receipts;
pub mod returns;
pub mod schedule;
pub mod standing;
pub mod stripe_id;
pub mod subscription;
