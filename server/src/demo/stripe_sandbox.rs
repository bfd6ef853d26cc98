//! The Stripe sandbox: replaces Stripe in the demo and in tests. It serves the API calls that we make over HTTP, with
//! pages for Checkout, the customer portal and a control panel, and delivers events by signed webhooks: once or
//! repeatedly, in any order. Its actions return [`SandboxError`] if the object is unknown or its state doesn't allow
//! the action.

mod actions;
mod add_ons;
mod billing_details;
mod billing_records;
mod changes;
mod collection;
mod control_panel;
mod customers;
mod delivery;
mod discounts;
mod error;
mod foreign;
mod html;
#[cfg(test)]
mod http_tests;
mod ids;
mod invoice_objects;
mod invoices;
mod mailed_invoices;
mod money;
mod objects;
mod pages;
mod params;
mod pauses;
mod payment_objects;
mod pending_updates;
mod plan_actions;
mod plans;
mod prices;
mod proration;
mod records;
mod rest;
mod sales;
mod schedules;
mod seed;
mod sessions;
mod state;
mod subscribe;
mod subscription_objects;
mod test_clock;
#[cfg(test)]
mod testing;
mod totals;
mod trials;
mod upgrade;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::Router;
use tokio::sync::Notify;

pub use self::{collection::Card, error::SandboxError, pauses::PauseBehavior, seed::SeedAccount};
use self::{records::DisputeStatus, state::State, upgrade::upgrade};
use crate::{clock::Clock, stripe::signature::WebhookSecret};

/// The sandbox's path on the demo's site.
pub const MOUNT: &str = "/sandbox/stripe";

/// The sandbox's settings.
pub struct Settings {
    /// The API key that callers of the API must send.
    pub secret_key: String,
    /// The secret that events are signed with.
    pub webhook_secret: WebhookSecret,
    /// The source of the current time.
    pub clock: Arc<dyn Clock>,
    /// The site's public URL, such as `http://127.0.0.1:3000`. Events go to its webhook.
    pub site: String,
    /// The path that [`Sandbox::router`] is nested under, such as `/sandbox/stripe`.
    pub mount: String,
    /// The file that stores the state. `None`: the state is lost at exit.
    pub file: Option<PathBuf>,
}

/// The delivery mode of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Each event once, in order.
    #[default]
    Once,
    /// Each event twice, in order.
    Twice,
    /// Each event one to three times, in random order.
    Shuffled,
    /// Paused.
    Held,
}

/// A simulated fault of the API. Pages and webhooks keep working.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    #[default]
    None,
    /// Requests hang for a minute, then fail with status 500.
    Hang,
    /// Requests fail with status 500.
    Error500,
}

/// A handle to the sandbox. Clones share its state.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    settings: Settings,
    state: Mutex<State>,
    switches: Mutex<(Delivery, Fault)>,
    /// Wakes the delivery task when an event may be due.
    wake: Notify,
}

impl Sandbox {
    /// Opens the sandbox with the state from its file. If the file can't be read, logs a warning and starts empty.
    pub fn open(settings: Settings) -> Self {
        let mut state = settings.file.as_deref().map(read).unwrap_or_default();
        state.base = format!("{}{}", settings.site, settings.mount);
        let (state, switches) = (Mutex::new(state), Mutex::default());
        Self(Arc::new(Inner { settings, state, switches, wake: Notify::new() }))
    }

    /// Returns the routes of the API and the pages, relative to the mount.
    pub fn router(&self) -> Router {
        rest::routes(self).merge(pages::routes()).merge(control_panel::routes()).with_state(self.clone())
    }

    /// Delivers events until dropped. Run it once per sandbox.
    pub async fn deliver(self) {
        delivery::run(&self).await;
    }

    /// Pays an open session by card.
    pub fn pay(&self, session: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.pay(session, now))
    }

    /// Tries to pay an open session with a declined card. The session stays open.
    pub fn decline(&self, session: &str) -> Result<(), SandboxError> {
        self.state().open_session(session, self.now()).map(drop)
    }

    /// Pays an open session by bank debit. The session is complete; the debit is pending.
    pub fn pay_later(&self, session: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.pay_later(session, now))
    }

    /// Completes a session's pending bank debit.
    pub fn succeed_debit(&self, session: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.succeed_debit(session, now))
    }

    /// Fails a session's pending bank debit.
    pub fn fail_debit(&self, session: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.fail_debit(session, now))
    }

    /// Expires an open session.
    pub fn expire(&self, session: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.expire(session, now))
    }

    /// Refunds `cents` of a payment.
    pub fn refund(&self, payment_intent: &str, cents: u64) -> Result<(), SandboxError> {
        self.change(|state, now| state.refund(payment_intent, cents, now))
    }

    /// Fails a refund that had succeeded.
    pub fn fail_refund(&self, refund: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.fail_refund(refund, now))
    }

    /// Opens a dispute over the whole payment.
    pub fn dispute(&self, payment_intent: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.dispute(payment_intent, None, DisputeStatus::NeedsResponse, now))
    }

    /// Opens a dispute over a part of the payment.
    pub fn dispute_part(&self, payment_intent: &str, cents: u64) -> Result<(), SandboxError> {
        self.change(|state, now| state.dispute(payment_intent, Some(cents), DisputeStatus::NeedsResponse, now))
    }

    /// Opens an inquiry over the whole payment: no money moves.
    pub fn inquire(&self, payment_intent: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.dispute(payment_intent, None, DisputeStatus::WarningNeedsResponse, now))
    }

    /// Closes a dispute in our favor (`won`) or against us. An inquiry closes without a winner.
    pub fn close_dispute(&self, dispute: &str, won: bool) -> Result<(), SandboxError> {
        self.change(|state, now| state.close_dispute(dispute, won, now))
    }

    /// Sets the API's fault.
    pub fn set_fault(&self, fault: Fault) {
        self.0.switches.lock().unwrap_or_else(PoisonError::into_inner).1 = fault;
    }

    /// Sets how events are delivered from now on, pending ones included.
    pub fn set_delivery(&self, delivery: Delivery) {
        self.0.switches.lock().unwrap_or_else(PoisonError::into_inner).0 = delivery;
        self.0.wake.notify_one();
    }

    /// Returns the payloads of all events, oldest first.
    pub fn events(&self) -> Vec<String> {
        self.tick();
        self.state().events.iter().map(|event| event.payload.clone()).collect()
    }

    /// Delivers an event once more.
    pub fn redeliver(&self, event_id: &str) -> Result<(), SandboxError> {
        self.change(|state, _| state.requeue(event_id))
    }

    fn switches(&self) -> (Delivery, Fault) {
        *self.0.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current time in seconds since 1970.
    fn now(&self) -> i64 {
        self.0.settings.clock.now().timestamp()
    }

    /// Applies all due steps, then `change`, and saves the state. If `change` fails, it must not have changed anything.
    fn change<T, E>(&self, change: impl FnOnce(&mut State, i64) -> Result<T, E>) -> Result<T, E> {
        let (mut state, now) = (self.state(), self.now());
        let advanced = state.advance(now);
        let done = change(&mut state, now);
        if advanced || done.is_ok() {
            self.save(&state);
            self.0.wake.notify_one();
        }
        done
    }

    /// Writes the state under its lock, so that an older version never replaces a newer one. Blocking is fine here: the
    /// file is small.
    fn save(&self, state: &State) {
        let Some(file) = &self.0.settings.file else { return };
        let new = file.with_extension("new");
        let written = serde_json::to_vec(state)
            .map_err(io::Error::from)
            .and_then(|text| fs::write(&new, text))
            .and_then(|()| fs::rename(&new, file));
        if let Err(error) = written {
            tracing::warn!(error = &error as &dyn std::error::Error, "the sandbox's state cannot be written");
        }
    }
}

fn read(file: &Path) -> State {
    let text = match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return State::default(),
        text => text,
    };
    text.and_then(|text| parse(&text).map_err(io::Error::from)).unwrap_or_else(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the sandbox's state cannot be read; starting with an empty one"
        );
        State::default()
    })
}

fn parse(text: &[u8]) -> serde_json::Result<State> {
    let mut state = serde_json::from_slice(text)?;
    upgrade(&mut state);
    serde_json::from_value(state)
}
