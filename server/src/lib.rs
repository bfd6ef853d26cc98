//! Brightmeter's server: configuration, HTTP, the writer, storage, AI providers, jobs and the command line.

pub mod ai;
pub mod clock;
pub mod postgres;
pub mod service;
pub mod storage;
