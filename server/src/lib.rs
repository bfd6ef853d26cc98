//! Brightmeter's server: configuration, HTTP, the writer, storage, AI providers, jobs and the command line.

pub mod storage;
