//! Faults under load: whatever dies, hangs or fills up, no acknowledged spend is lost or doubled, and the server is back
//! within its time.
//!
//! `BRIGHTMETER_FAULT_ROUNDS` sets how often each fault is repeated: once by default, more in `make test-faults`.

#![allow(clippy::print_stdout, reason = "the suite prints its figures")]

mod crashes;
mod load;
mod process;
mod stalls;

/// How often each fault is repeated.
fn rounds() -> usize {
    std::env::var("BRIGHTMETER_FAULT_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}
