//! Attachments: data that an AI feature stores with a hold or a capture.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The largest attachment, in bytes of JSON.
pub const MAX_ATTACHMENT_BYTES: usize = 256 * 1024;

/// Data of an AI feature, stored in the transaction that opens or captures a hold.
///
/// The ledger never reads it. The command's fingerprint covers it, so the same idempotency key with other data is
/// refused.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    kind: Cow<'static, str>,
    body: Box<str>,
}

/// The reason why a value cannot be attached.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// The value has no JSON form.
    #[error("the attachment cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The JSON is larger than [`MAX_ATTACHMENT_BYTES`].
    #[error("an attachment has at most 262,144 bytes; this one has {bytes}")]
    TooLarge {
        /// The size of the JSON, in bytes.
        bytes: usize,
    },
}

impl Attachment {
    /// Serializes `value` as JSON. `kind` names the feature's record, for example `quests.goal`.
    ///
    /// # Errors
    /// [`AttachmentError`] if the value has no JSON form or is too large.
    pub fn new(kind: &'static str, value: &impl Serialize) -> Result<Self, AttachmentError> {
        let body = serde_json::to_string(value)?;
        if body.len() > MAX_ATTACHMENT_BYTES {
            return Err(AttachmentError::TooLarge { bytes: body.len() });
        }
        Ok(Self { kind: Cow::Borrowed(kind), body: body.into() })
    }

    /// Serializes a text as a JSON string. The caller bounds it to a few kilobytes.
    pub(crate) fn text(kind: &'static str, text: &str) -> Self {
        let body = serde_json::Value::from(text).to_string();
        debug_assert!(body.len() <= MAX_ATTACHMENT_BYTES, "the caller bounds the text");
        Self { kind: Cow::Borrowed(kind), body: body.into() }
    }

    /// The name of the feature's record.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Deserializes the value.
    ///
    /// # Errors
    /// The JSON error, if the body is not a `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.body)
    }
}

/// Shows the kind and the size only: the body is customer data and must not reach the logs.
impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attachment({}, {} bytes)", self.kind, self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_back_as_it_was_attached() {
        let attachment = Attachment::new("quests.goal", &"Sell 300 tickets").unwrap();
        assert_eq!(attachment.kind(), "quests.goal");
        assert_eq!(attachment.parse::<String>().unwrap(), "Sell 300 tickets");
        assert!(attachment.parse::<u32>().is_err());
    }

    #[test]
    fn an_attachment_over_the_limit_is_refused_with_its_size() {
        let text = "x".repeat(MAX_ATTACHMENT_BYTES - 2);
        assert!(Attachment::new("quests.goal", &text).is_ok());
        let refused = Attachment::new("quests.goal", &(text + "x")).unwrap_err();
        assert_eq!(refused.to_string(), "an attachment has at most 262,144 bytes; this one has 262145");
    }

    #[test]
    fn debug_output_shows_the_size_and_not_the_body() {
        let attachment = Attachment::new("quests.goal", &"secret").unwrap();
        assert_eq!(format!("{attachment:?}"), "Attachment(quests.goal, 8 bytes)");
    }
}
