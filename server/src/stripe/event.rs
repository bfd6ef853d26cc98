//! The envelope of Stripe's events, the same for every API version and type of event.

use brightmeter::time::{Instant, RequestedInstant};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A received event. Only the envelope is parsed here; the inbox parses the payload when it processes the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event's Stripe id: `evt_…`. For a body without one, an id made from its hash, so that no signed body is
    /// lost.
    pub id: String,
    /// The type of event, such as `checkout.session.completed`; empty if missing.
    pub kind: String,
    /// The API version of the payload.
    pub api_version: Option<String>,
    /// When Stripe created the event. Events arrive in any order.
    pub created_at: Option<Instant>,
    /// The raw body.
    pub payload: String,
}

impl Event {
    /// Reads a signed body. Never fails: missing or malformed fields are left empty.
    pub fn read(payload: String) -> Self {
        let envelope: Value = serde_json::from_str(&payload).unwrap_or_default();
        let text = |field: &str| {
            envelope[field]
                .as_str()
                .filter(|text| text.len() <= 255 && !text.chars().any(char::is_control))
                .map(ToOwned::to_owned)
        };
        let id_from_hash = || format!("unnamed_{}", hex::encode(Sha256::digest(payload.as_bytes())));
        let created_at = envelope["created"].as_i64().and_then(|seconds| Instant::from_timestamp(seconds, 0));
        let created_at = created_at.and_then(|at| RequestedInstant::try_from(at).ok());
        Self {
            id: text("id").filter(|id| !id.is_empty()).unwrap_or_else(id_from_hash),
            kind: text("type").unwrap_or_default(),
            api_version: text("api_version"),
            created_at: created_at.map(RequestedInstant::get),
            payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_without_a_usable_id_has_an_id_of_its_own() {
        let ids = [r#"{"id":""}"#, r#"{"id":"","type":"ping"}"#, r#"{"id":7}"#, r#"{"id":"\u0000"}"#, "[]", "no JSON"]
            .map(|body| Event::read(body.into()).id);
        assert!(ids.iter().all(|id| id.starts_with("unnamed_")), "{ids:?}");
        assert_eq!(std::collections::HashSet::from(ids.clone()).len(), ids.len(), "{ids:?}");
        assert_eq!(Event::read(r#"{"id":"evt_1"}"#.into()).id, "evt_1");
    }
}
