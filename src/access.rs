//! Access: roles, API keys, rate and abuse guards, and refusals.

pub mod api_key;
pub mod email;
pub mod guard;
pub mod refusal;
pub mod role;
