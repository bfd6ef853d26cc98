//! Forms: plain POSTs that answer with a redirect, or with their page again and what is wrong.

pub(super) mod quests;
pub(super) mod sign_in;
