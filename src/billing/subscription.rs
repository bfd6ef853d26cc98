//! Subscriptions: what Stripe says of the plan that an organization pays for.
//!
//! Events about a subscription come late, twice, and in any order, and none of them is acted on: each only says that it is time to
//! read the subscriptions of its customer anew. A reading has a number that was drawn before it was made, and one with a smaller
//! number than the last that was followed is stale. As the event of every change is read after the change, the reading with the
//! largest number knows it.

use serde::{Deserialize, Serialize};

use crate::{billing::period::Anchor, names::PlanName, time::Instant};

/// What Stripe said of a customer's subscriptions when it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionSnapshot {
    /// Drawn before Stripe was asked: of two readings the larger one is followed.
    pub number: i64,
    /// The subscription that runs.
    pub live: Option<Subscription>,
    /// When the last one ended; nothing while one runs.
    pub ended_at: Option<Instant>,
    /// How many further ones run: each is paid, and brings nothing.
    #[serde(default)]
    pub further: u32,
}

impl SubscriptionSnapshot {
    /// What is taken in of it, after what was `known`: what had ended before it was ever known ended nothing here.
    pub fn after(&self, known: Option<&Self>) -> Self {
        let concerns = known.is_some_and(|known| known.live.is_some() || known.ended_at.is_some());
        Self { ended_at: self.ended_at.filter(|_| concerns), ..self.clone() }
    }

    /// Whether both say the same, whichever was made later.
    pub fn says_the_same(&self, other: &Self) -> bool {
        (&self.live, self.ended_at) == (&other.live, other.ended_at)
    }
}

/// A subscription that runs: on trial, paid, or with an invoice that is not paid yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Stripe's name of it.
    pub id: String,
    /// Stripe's name of its line, which a change names.
    #[serde(default)]
    pub item: String,
    /// The plan that its next invoice is for.
    pub plan: PlanName,
    /// What its months are counted from.
    pub anchor: Anchor,
    /// Whether it ends with the running month.
    pub ends: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_that_was_kept_before_lines_had_names_is_read() {
        let kept = r#"{"number":7,"live":{"id":"sub_1","plan":"pro","anchor":"2026-03-10T09:00:00Z","ends":false},"ended_at":null}"#;
        let snapshot: SubscriptionSnapshot = serde_json::from_str(kept).unwrap();
        assert_eq!(snapshot.live.unwrap().item, "");
    }
}
