//! Delivery of events to our webhook: signed, and retried until accepted.

use std::time::Duration;

use rand::{Rng, seq::IndexedRandom};
use reqwest::{Client, header::CONTENT_TYPE, redirect::Policy};
use tokio::time::{Instant, timeout};

use super::{Delivery, Sandbox, error::SandboxError, state::State};

/// The timeout of a webhook request.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest delay before a retry.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(60);

/// The interval at which subscriptions are checked for due steps.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The next action of the delivery loop.
enum Next {
    Send { id: String, payload: String },
    WaitFor(Duration),
    Wait,
}

pub(super) async fn run(sandbox: &Sandbox) {
    // Events go to our own server, so HTTP_PROXY and its like don't apply.
    let client = match Client::builder().timeout(DELIVERY_TIMEOUT).redirect(Policy::none()).no_proxy().build() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the sandbox cannot deliver events");
            return;
        }
    };
    let url = format!("{}/api/v1/stripe/webhook", sandbox.0.settings.site);
    loop {
        sandbox.tick();
        let delivery = sandbox.switches().0;
        let next = sandbox.state().next_delivery(delivery, Instant::now());
        match next {
            Next::Send { id, payload } => {
                let accepted = send(sandbox, &client, &url, &id, payload).await;
                let mut state = sandbox.state();
                state.record_delivery(&id, accepted, Instant::now());
                // A failed attempt changes nothing that is stored.
                if accepted {
                    sandbox.save(&state);
                }
            }
            Next::WaitFor(pause) => {
                timeout(pause.min(POLL_INTERVAL), sandbox.0.wake.notified()).await.ok();
            }
            Next::Wait => {
                timeout(POLL_INTERVAL, sandbox.0.wake.notified()).await.ok();
            }
        }
    }
}

async fn send(sandbox: &Sandbox, client: &Client, url: &str, id: &str, payload: String) -> bool {
    let settings = &sandbox.0.settings;
    let signature = settings.webhook_secret.sign(payload.as_bytes(), settings.clock.now());
    let request = client.post(url).header(CONTENT_TYPE, "application/json; charset=utf-8");
    match request.header("Stripe-Signature", signature).body(payload).send().await {
        Ok(answer) if answer.status().is_success() => true,
        Ok(answer) => {
            tracing::warn!(
                event = id,
                status = answer.status().as_u16(),
                "the webhook did not accept the sandbox's event"
            );
            false
        }
        Err(error) => {
            tracing::warn!(
                event = id,
                error = &error as &dyn std::error::Error,
                "the webhook did not accept the sandbox's event"
            );
            false
        }
    }
}

impl State {
    /// Queues one more delivery of an event. If one is pending, it becomes due immediately.
    pub(super) fn requeue(&mut self, id: &str) -> Result<(), SandboxError> {
        let event = self.events.iter_mut().find(|event| event.id == id);
        let event = event.ok_or_else(|| SandboxError::Unknown("event", id.to_owned()))?;
        event.copies = event.copies.map(|copies| copies.saturating_add(1));
        (event.failures, event.due) = (0, None);
        Ok(())
    }

    fn next_delivery(&mut self, delivery: Delivery, now: Instant) -> Next {
        if delivery == Delivery::Held {
            return Next::Wait;
        }
        let waiting = || self.events.iter().enumerate().filter(|(_, event)| !event.is_delivered());
        let due = waiting().filter(|(_, event)| event.due.is_none_or(|at| at <= now));
        let due: Vec<usize> = due.map(|(index, _)| index).collect();
        let chosen = match delivery {
            Delivery::Shuffled => due.choose(&mut rand::rng()),
            Delivery::Once | Delivery::Twice | Delivery::Held => due.first(),
        };
        let Some(&chosen) = chosen else {
            let earliest = waiting().filter_map(|(_, event)| event.due).min();
            return earliest.map_or(Next::Wait, |at| Next::WaitFor(at.saturating_duration_since(now)));
        };
        let event = &mut self.events[chosen];
        event.copies.get_or_insert_with(|| match delivery {
            Delivery::Once | Delivery::Held => 1,
            Delivery::Twice => 2,
            Delivery::Shuffled => rand::rng().random_range(1..=3),
        });
        Next::Send { id: event.id.clone(), payload: event.payload.clone() }
    }

    fn record_delivery(&mut self, id: &str, accepted: bool, now: Instant) {
        let Some(event) = self.events.iter_mut().find(|event| event.id == id) else { return };
        if accepted {
            event.copies = event.copies.map(|copies| copies.saturating_sub(1));
            (event.failures, event.due) = (0, None);
        } else {
            let pause = Duration::from_secs(1_u64 << event.failures.min(6)).min(MAX_RETRY_DELAY);
            event.failures = event.failures.saturating_add(1);
            event.due = Some(now + pause);
        }
    }
}
