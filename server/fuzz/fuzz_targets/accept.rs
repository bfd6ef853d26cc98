//! Fuzzes the parser of the `Accept` header.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| server::fuzzing::accept(data));
