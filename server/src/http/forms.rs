//! Form handlers: plain POSTs that redirect on success, or render their page again with the errors.

pub(super) mod account;
pub(super) mod billing;
pub(super) mod events;
pub(super) mod keys;
pub(super) mod organizations;
pub(super) mod plans;
pub(super) mod quests;
pub(super) mod reconciliation;
pub(super) mod sign_in;

use crate::{http::AppState, service::throttle::Throttled};

/// The message for a throttled user, with the minutes left until the next attempt.
fn throttled(state: &AppState, limit: &Throttled) -> String {
    let seconds = (limit.until - state.clock.now()).num_seconds();
    let minutes = ((seconds + 59) / 60).max(1);
    let plural = if minutes == 1 { "" } else { "s" };
    format!("Too many attempts. Try again in {minutes} minute{plural}.")
}
