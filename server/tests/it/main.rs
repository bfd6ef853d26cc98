//! Tests of the server on a real Postgres: one binary, so that it links once.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod isolation;
mod log;
mod support;
mod writer;
