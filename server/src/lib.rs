//! Brightmeter's server: configuration, HTTP, the writer, storage, AI providers, jobs and the command line.

pub mod ai;
pub mod assembly;
pub mod bearer_token;
mod bench;
pub mod cli;
pub mod clock;
pub mod concurrency_limit;
pub mod config;
pub mod database;
pub mod deadlines;
pub mod demo;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
pub mod metrics;
pub mod postgres;
pub mod proxies;
pub mod request_id;
pub mod service;
mod stdout;
pub mod storage;
pub mod stripe;
