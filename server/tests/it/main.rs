//! Tests of the server on a real Postgres: one binary, so that it links once.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod api;
mod billing;
mod cli;
mod faults;
mod holds;
mod http;
mod isolation;
mod jobs;
mod log;
mod schema;
mod storage;
mod support;
mod sweeper;
mod writer;
