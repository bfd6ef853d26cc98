//! Fuzzes the parsers of API keys, bearer tokens and idempotency keys.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| server::fuzzing::key(data));
