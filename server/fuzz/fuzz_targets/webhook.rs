//! Fuzzes the parser of Stripe's events.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| server::fuzzing::webhook(data));
