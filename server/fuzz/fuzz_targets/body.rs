//! Fuzzes the parsers of request bodies.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| server::fuzzing::body(data));
