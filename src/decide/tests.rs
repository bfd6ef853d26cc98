//! Scenario tests of the rules, one file per area.

mod grants;
mod holds;
mod license;
mod limits;
mod log;
mod overview;
mod periods;
mod plans;
mod purchases;
mod receipts;
mod refunds;
mod refusals;
mod spending;
mod stripe_states;
mod subscription;
mod suspension;
pub(crate) mod world;
