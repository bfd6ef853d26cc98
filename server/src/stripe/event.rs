//! What every event of Stripe's says of itself, whatever its version and kind.

use brightmeter::time::Instant;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// An event as it came. Only its envelope is read here; what it is about is read where it is acted on, from the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `evt_…`; of a body without one, a name made from its hash, so that nothing that Stripe signed is lost.
    pub id: String,
    /// Its kind, as `checkout.session.completed`; empty where it says none.
    pub kind: String,
    /// The version of Stripe's API that it is written in.
    pub api_version: Option<String>,
    /// When it happened, as Stripe says; events come in any order.
    pub created_at: Option<Instant>,
    /// The body.
    pub payload: String,
}

impl Event {
    /// Reads a body that Stripe has signed. What it lacks is missing; nothing is refused.
    pub fn read(payload: String) -> Self {
        let envelope: Value = serde_json::from_str(&payload).unwrap_or_default();
        let text = |name: &str| {
            envelope[name].as_str().filter(|text| text.len() <= 255 && !text.contains('\0')).map(ToOwned::to_owned)
        };
        let unnamed = || format!("unnamed_{}", hex::encode(Sha256::digest(payload.as_bytes())));
        Self {
            id: text("id").unwrap_or_else(unnamed),
            kind: text("type").unwrap_or_default(),
            api_version: text("api_version"),
            created_at: envelope["created"].as_i64().and_then(|seconds| Instant::from_timestamp(seconds, 0)),
            payload,
        }
    }
}
