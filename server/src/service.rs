//! What Brightmeter does, between the adapters and storage.

pub mod writer;
