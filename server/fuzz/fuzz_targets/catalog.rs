//! Fuzzes the parser of the catalog.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| server::fuzzing::catalog(data));
