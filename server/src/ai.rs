//! The AI behind the features: one trait, a real provider and a built-in one.

pub mod built_in;
pub mod openai;

use std::time::Duration;

use brightmeter::features::quest::{Goal, QuestDraft};
use thiserror::Error;

/// Runs AI jobs. It does not deal with tokens: its caller opens a hold before the call, and captures or releases it
/// afterwards.
#[async_trait::async_trait]
pub trait AiProvider: Send + Sync {
    /// The provider's name for job summaries and logs.
    fn name(&self) -> &str;

    /// Turns a goal into quests, within the provider's own deadline.
    ///
    /// # Errors
    /// [`AiError`]. Nothing was delivered, so the caller must not charge for the job.
    async fn generate_quests(&self, goal: &Goal) -> Result<Vec<QuestDraft>, AiError>;
}

/// The reason an AI job failed. For logs; customers see [`AiError::public_reason`].
#[derive(Debug, Error)]
pub enum AiError {
    /// The deadline passed.
    #[error("the AI service did not answer in time")]
    Timeout,
    /// The connection could not be opened.
    #[error("the AI service cannot be reached; check AI_BASE_URL")]
    Unreachable(#[source] reqwest::Error),
    /// The connection closed before the answer was complete.
    #[error("the connection to the AI service closed before the answer was complete")]
    Interrupted(#[source] reqwest::Error),
    /// Any status but 2xx. Redirects count, because they are not followed.
    #[error("the AI service returned status {code}")]
    Status {
        /// The HTTP status.
        code: u16,
    },
    /// The vendor rejected our credentials.
    #[error("the AI service rejected the credentials with status {code}; check AI_API_KEY")]
    Rejected {
        /// The HTTP status.
        code: u16,
    },
    /// The vendor's rate limit is reached.
    #[error("the AI service is limiting our requests")]
    RateLimited {
        /// The wait that the vendor requests. `None` if it sent no usable `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The answer is larger than a legitimate one can be.
    #[error("the AI service's answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer is not JSON.
    #[error("the AI service's answer is not valid JSON")]
    NotJson(#[source] serde_json::Error),
    /// JSON of the wrong shape. The reason quotes the answer, which may contain text that a customer wrote. So it is
    /// bounded, it is not a source, and it is not part of the logged message.
    #[error("the AI service's answer does not match the schema")]
    BadAnswer(String),
    /// The model, or the vendor's content filter, declined.
    #[error("the AI service declined the goal")]
    Refused,
    /// The answer was cut off at the length limit.
    #[error("the AI service's answer was cut off at its length limit")]
    Truncated,
}

impl AiError {
    /// Returns the reason as a text for the customer, without internals.
    pub fn public_reason(&self) -> &'static str {
        match self {
            Self::Timeout => "The AI service took too long to answer.",
            Self::Unreachable(_) => "The AI service couldn't be reached.",
            Self::Interrupted(_) => "The connection to the AI service was lost.",
            Self::Status { .. } => "The AI service reported an error.",
            Self::Rejected { .. } => "The AI service isn't available right now.",
            Self::RateLimited { .. } => "The AI service is too busy right now.",
            Self::TooLarge { .. } | Self::NotJson(_) | Self::BadAnswer(_) => {
                "The AI service returned an unusable answer."
            }
            Self::Refused => "The AI service declined this goal. Try rephrasing it.",
            Self::Truncated => "The AI service's answer was too long. Try a narrower goal.",
        }
    }
}
