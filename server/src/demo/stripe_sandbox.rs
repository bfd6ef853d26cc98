//! Sandbox Stripe: stands in for Stripe in the demo and in tests. It is spoken to over HTTP as Stripe is, takes exactly the calls
//! that we make, and tells what people do there by signed webhooks, once or more often, in order or not.

mod actions;
mod control_panel;
mod delivery;
mod html;
mod invoices;
mod objects;
mod pages;
mod params;
mod plan_actions;
mod plans;
mod proration;
mod rest;
mod seed;
mod sessions;
mod state;
mod subscribe;
mod test_clock;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::Router;
use tokio::sync::Notify;

pub use self::seed::Adopted;
use self::state::State;
use crate::{clock::Clock, stripe::signature::WebhookSecret};

/// Where it is on the demo's site.
pub const MOUNT: &str = "/sandbox/stripe";

/// What it needs to know.
pub struct Settings {
    /// What callers of its API show.
    pub secret_key: String,
    /// What it signs events with.
    pub webhook_secret: WebhookSecret,
    /// What time it is there.
    pub clock: Arc<dyn Clock>,
    /// Where people reach the server, such as `http://127.0.0.1:3000`; events go to its webhook.
    pub site: String,
    /// Under which path of the site [`Sandbox::router`] is nested, such as `/sandbox/stripe`.
    pub mount: String,
    /// Where it keeps its books; without one they end with the process.
    pub file: Option<PathBuf>,
}

/// How events are delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Each one time, in order.
    #[default]
    Once,
    /// Each two times, in order.
    Twice,
    /// Each one to three times, in any order.
    Shuffled,
    /// Not at all, until this changes.
    Held,
}

/// What is wrong with its API; pages and webhooks go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// It does not answer for a minute.
    Hang,
    /// It answers with status 500.
    Error500,
}

/// Why something cannot be done at the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// There is no such thing: what it would be, and its id.
    #[error("There is no {0} {1}.")]
    Unknown(&'static str, String),
    /// It is past that, or not there yet.
    #[error("{0}")]
    WrongState(&'static str),
    /// The amount is nothing, or more than is left of the payment.
    #[error("An amount from 1 to {rest_cents} cents can be refunded.")]
    Amount {
        /// What is left.
        rest_cents: u64,
    },
}

/// A Stripe of our own; clones are the same one.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    settings: Settings,
    state: Mutex<State>,
    switches: Mutex<(Delivery, Fault)>,
    /// Rung when there may be something to deliver.
    bell: Notify,
}

impl Sandbox {
    /// With the books in its file. If they cannot be read it starts with empty ones, and says so in the log.
    pub fn open(settings: Settings) -> Self {
        let mut state = settings.file.as_deref().map(read).unwrap_or_default();
        state.base = format!("{}{}", settings.site, settings.mount);
        let (state, switches) = (Mutex::new(state), Mutex::default());
        Self(Arc::new(Inner { settings, state, switches, bell: Notify::new() }))
    }

    /// Its API and its pages, relative to the mount.
    pub fn router(&self) -> Router {
        rest::routes(self).merge(pages::routes()).merge(control_panel::routes()).with_state(self.clone())
    }

    /// Delivers events as they come, for as long as it is polled. It runs once per sandbox.
    pub async fn deliver(self) {
        delivery::run(&self).await;
    }

    /// Pays an open session by card.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn pay(&self, session: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.pay(session, now))
    }

    /// Tries to pay an open session with a card that is declined: it stays open.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn decline(&self, session: &str) -> Result<(), SandboxError> {
        self.state().open_session(session, self.now()).map(drop)
    }

    /// Pays an open session by bank debit: it is complete, and the money comes later or never.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn pay_later(&self, session: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.pay_later(session, now))
    }

    /// The bank pays what was to be paid by debit.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn clear(&self, session: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.clear(session, now))
    }

    /// The bank does not pay what was to be paid by debit.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn bounce(&self, session: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.bounce(session, now))
    }

    /// Ends an open session.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn expire(&self, session: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.expire(session, now))
    }

    /// Pays back `cents` of a payment.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn refund(&self, payment_intent: &str, cents: u64) -> Result<(), SandboxError> {
        self.change(|state, now| state.refund(payment_intent, cents, now))
    }

    /// A refund that had succeeded comes back.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn fail_refund(&self, refund: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.fail_refund(refund, now))
    }

    /// Whoever paid disputes all of a payment.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn dispute(&self, payment_intent: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.dispute(payment_intent, now))
    }

    /// The bank decides a dispute, for us (`won`) or against us.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn close_dispute(&self, dispute: &str, won: bool) -> Result<(), SandboxError> {
        self.change(|state, now| state.close_dispute(dispute, won, now))
    }

    /// Breaks or mends its API.
    pub fn set_fault(&self, fault: Fault) {
        self.0.switches.lock().unwrap_or_else(PoisonError::into_inner).1 = fault;
    }

    /// Sets how events are delivered from now on, those that wait included.
    pub fn set_delivery(&self, delivery: Delivery) {
        self.0.switches.lock().unwrap_or_else(PoisonError::into_inner).0 = delivery;
        self.0.bell.notify_one();
    }

    /// The bodies of all events so far, oldest first.
    pub fn events(&self) -> Vec<String> {
        self.tick();
        self.state().events.iter().map(|event| event.payload.clone()).collect()
    }

    /// Delivers an event once more.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn redeliver(&self, event_id: &str) -> Result<(), SandboxError> {
        self.change(|state, _| state.queue_again(event_id))
    }

    fn switches(&self) -> (Delivery, Fault) {
        *self.0.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since 1970.
    fn now(&self) -> i64 {
        self.0.settings.clock.now().timestamp()
    }

    /// Changes the books, once time has brought what it brings; if that fails, nothing else may have changed.
    fn change<T, E>(&self, change: impl FnOnce(&mut State, i64) -> Result<T, E>) -> Result<T, E> {
        let (mut state, now) = (self.state(), self.now());
        let advanced = state.advance(now);
        let done = change(&mut state, now);
        if advanced || done.is_ok() {
            self.keep(&state);
            self.0.bell.notify_one();
        }
        done
    }

    /// Written under the lock, so that an older version never replaces a newer one. The file is small, and nobody's money waits.
    fn keep(&self, state: &State) {
        let Some(file) = &self.0.settings.file else { return };
        let new = file.with_extension("new");
        let written = serde_json::to_vec(state)
            .map_err(io::Error::from)
            .and_then(|text| fs::write(&new, text))
            .and_then(|()| fs::rename(&new, file));
        if let Err(error) = written {
            tracing::warn!(error = &error as &dyn std::error::Error, "the sandbox's books cannot be written");
        }
    }
}

fn read(file: &Path) -> State {
    let text = match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return State::default(),
        text => text,
    };
    text.and_then(|text| serde_json::from_slice(&text).map_err(io::Error::from)).unwrap_or_else(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "the sandbox's books cannot be read: it starts anew");
        State::default()
    })
}
