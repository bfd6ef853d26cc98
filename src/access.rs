//! Access: API keys, rate and abuse guards, and the reasons for which a command is refused.

pub mod api_key;
pub mod guard;
pub mod refusal;
