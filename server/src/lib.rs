//! Brightmeter's server: configuration, HTTP, the writer, storage, AI providers, jobs and the command line.

pub mod ai;
pub mod cli;
pub mod clock;
pub mod config;
pub mod database;
pub mod http;
pub mod measures;
pub mod postgres;
pub mod proxies;
pub mod request_id;
pub mod service;
pub mod shares;
pub mod storage;
pub mod stripe;
