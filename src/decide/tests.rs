//! The rules, area by area, each told as a story with an end.

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
mod subscription;
mod suspension;
pub(super) mod world;
