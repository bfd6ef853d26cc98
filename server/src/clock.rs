//! What time it is, and ids that sort by it: one of the three things that differ between production and a test.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use brightmeter::time::{Instant, to_micros};
use chrono::Utc;
use uuid::Uuid;

/// What time it is, and ids that sort by it.
pub trait Clock: Send + Sync {
    /// The present instant, cut to microseconds.
    fn now(&self) -> Instant;

    /// An id that nobody has yet; later ones sort after earlier ones.
    fn new_id(&self) -> Uuid;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        to_micros(Utc::now())
    }

    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A clock that stands still until it is moved; its ids count up. For tests, and for `demo` under the test clock.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Instant>,
    ids: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at `now`. Its ids count up from `first_id`, which sets two clocks of one database apart.
    pub fn new(now: Instant, first_id: u64) -> Self {
        Self { now: Mutex::new(to_micros(now)), ids: AtomicU64::new(first_id) }
    }

    /// Moves the clock, forward or back.
    pub fn set(&self, now: Instant) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = to_micros(now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_id(&self) -> Uuid {
        let count = self.ids.fetch_add(1, Ordering::Relaxed);
        uuid::Builder::from_custom_bytes(u128::from(count).to_be_bytes()).into_uuid()
    }
}
