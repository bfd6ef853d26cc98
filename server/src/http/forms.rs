//! Forms: plain POSTs that answer with a redirect, or with their page again and what is wrong.

pub(super) mod account;
pub(super) mod admin;
pub(super) mod billing;
pub(super) mod keys;
pub(super) mod organizations;
pub(super) mod plans;
pub(super) mod quests;
pub(super) mod sign_in;

use crate::{http::AppState, service::throttle::Throttled};

/// How long whoever guessed too often has to wait.
fn throttled(state: &AppState, limit: &Throttled) -> String {
    let seconds = (limit.until - state.clock.now()).num_seconds();
    let minutes = ((seconds + 59) / 60).max(1);
    let plural = if minutes == 1 { "" } else { "s" };
    format!("Too many attempts. Try again in {minutes} minute{plural}.")
}
