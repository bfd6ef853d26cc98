//! What Brightmeter does, between the adapters and storage.

pub mod account;
pub mod audit;
pub mod bought;
pub mod changes;
pub mod console;
pub mod customers;
pub mod demo;
pub mod inbox;
pub mod jobs;
pub mod keys;
pub mod passwords;
pub mod plans;
pub mod portal;
pub mod provisioning;
pub mod purchases;
pub mod question;
pub mod reconcile;
pub mod sign_in;
pub mod sweeper;
pub mod throttle;
pub mod visitors;
pub mod writer;
