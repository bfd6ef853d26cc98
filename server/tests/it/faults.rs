//! Faults under load: whatever dies, hangs or fills up, no acknowledged spend is lost or doubled, and the server is back
//! within its time.
//!
//! `BRIGHTMETER_FAULT_ROUNDS` sets how often each fault is repeated: once by default, more in `make test-faults`.

#![allow(clippy::print_stdout, reason = "the suite prints its figures")]

mod crashes;
mod load;
mod neighbors;
mod process;
mod stalls;

use std::time::Duration;

use self::{
    load::Load,
    process::{Installation, Server},
};

/// No request takes longer, whatever happens to the server.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// The time in which everything works again once the cause is gone.
const RECOVERY_LIMIT: Duration = Duration::from_secs(5);
/// The same, where a process must be started.
const RESTART_LIMIT: Duration = Duration::from_secs(10);

/// Repeats a fault under load. It gets the server, and returns the one that runs then and the time that it measured.
async fn under_load(
    name: &str,
    times: usize,
    measured: &str,
    mut fault: impl AsyncFnMut(&Installation, &Load, Server) -> (Server, Duration),
) {
    let on = Installation::new();
    let (mut server, load) = (on.start().await, Load::start(&on));
    let mut slowest = Duration::ZERO;
    for _ in 0..times {
        load.until_spending(RESTART_LIMIT).await;
        let took;
        (server, took) = fault(&on, &load, server).await;
        slowest = slowest.max(took);
    }
    let spent = load.finish().await;
    spent.check(name, &on, &format!("{measured} {slowest:?}")).await;
    server.stop().await;
}

/// How often each fault is repeated.
fn rounds() -> usize {
    std::env::var("BRIGHTMETER_FAULT_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}
