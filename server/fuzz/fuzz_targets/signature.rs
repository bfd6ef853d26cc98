//! Fuzzes the parser of the `Stripe-Signature` header.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| server::fuzzing::signature(data));
