//! The AI behind the features: one trait, a real provider and a built-in one.

pub mod built_in;
pub mod openai;

use std::time::Duration;

use brightmeter::features::quest::{Goal, QuestDraft};
use thiserror::Error;

/// Something that answers AI jobs. It knows nothing of tokens: its caller holds them before the call, and captures or
/// releases them after it.
#[async_trait::async_trait]
pub trait AiProvider: Send + Sync {
    /// The provider's name for receipts and logs.
    fn name(&self) -> &str;

    /// Turns a goal into quests, within the provider's own deadline.
    ///
    /// # Errors
    /// Whatever the reason, nothing was delivered and nothing may be charged.
    async fn generate_quests(&self, goal: &Goal) -> Result<Vec<QuestDraft>, AiError>;
}

/// Why an AI job brought nothing. For logs; customers are told [`AiError::public_reason`].
#[derive(Debug, Error)]
pub enum AiError {
    /// The deadline passed.
    #[error("the AI service did not answer in time")]
    Timeout,
    /// No connection came about.
    #[error("the AI service cannot be reached; check AI_BASE_URL")]
    Unreachable(#[source] reqwest::Error),
    /// The connection ended before the answer did.
    #[error("the AI service broke off its answer")]
    Interrupted(#[source] reqwest::Error),
    /// A status that is no success; redirects count, they are not followed.
    #[error("the AI service answered with status {code}")]
    Status {
        /// The HTTP status.
        code: u16,
    },
    /// The vendor does not take our credentials.
    #[error("the AI service rejected the credentials with status {code}; check AI_API_KEY")]
    Rejected {
        /// The HTTP status.
        code: u16,
    },
    /// The vendor's own limit is reached.
    #[error("the AI service is limiting our requests")]
    RateLimited {
        /// How long the vendor asks to wait, if it says so.
        retry_after: Option<Duration>,
    },
    /// The answer is larger than any honest one.
    #[error("the AI service's answer is larger than {limit} bytes")]
    TooLarge {
        /// How many bytes are read at most.
        limit: usize,
    },
    /// The answer is something else than JSON.
    #[error("the AI service's answer is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// JSON, but not what was asked for. The reason quotes the answer, which may hold what a customer wrote: it is bounded, no
    /// source, and not part of the message that is logged.
    #[error("the AI service's answer does not fit what was asked for")]
    BadAnswer(String),
    /// The model, or the vendor's content filter, declined.
    #[error("the AI service declined the goal")]
    Refused,
    /// The answer was cut off at the length limit.
    #[error("the AI service's answer was cut off at its length limit")]
    Truncated,
}

impl AiError {
    /// One sentence for the customer, without internals.
    pub fn public_reason(&self) -> &'static str {
        match self {
            Self::Timeout => "The AI service took too long to answer.",
            Self::Unreachable(_) => "The AI service could not be reached.",
            Self::Interrupted(_) => "The AI service broke off its answer.",
            Self::Status { .. } => "The AI service reported an error.",
            Self::Rejected { .. } => "The AI service is not available at the moment.",
            Self::RateLimited { .. } => "The AI service is too busy at the moment.",
            Self::TooLarge { .. } | Self::NotJson(_) | Self::BadAnswer(_) => {
                "The AI service gave an answer that could not be used."
            }
            Self::Refused => "The AI service declined this goal; try other words.",
            Self::Truncated => "The AI service's answer was too long; try a narrower goal.",
        }
    }
}
