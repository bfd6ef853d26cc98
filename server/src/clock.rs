//! The source of the current time and of time-ordered ids: one of the three things that differ between production and
//! tests.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use brightmeter::time::{Instant, to_micros};
use chrono::Utc;
use uuid::Uuid;

/// The source of the current time and of time-ordered ids.
pub trait Clock: Send + Sync {
    /// Returns the current instant, truncated to microseconds.
    fn now(&self) -> Instant;

    /// Returns a new unique id. Later ids sort after earlier ones.
    fn new_id(&self) -> Uuid;
}

/// The system clock.
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

/// A clock that moves only when it is set. For tests, with sequential ids, and for `demo`, with real ids.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Instant>,
    /// The next sequential id. `None` if ids are real.
    next_id: Option<AtomicU64>,
}

impl ManualClock {
    /// Creates a clock that is set to `now`, with real ids.
    pub fn new(now: Instant) -> Self {
        Self { now: Mutex::new(to_micros(now)), next_id: None }
    }

    /// Creates a clock that is set to `now`, with sequential ids from `first`, so that every run gets the same ids.
    pub fn with_sequential_ids(now: Instant, first: u64) -> Self {
        Self { next_id: Some(AtomicU64::new(first)), ..Self::new(now) }
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, now: Instant) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = to_micros(now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_id(&self) -> Uuid {
        let Some(next_id) = &self.next_id else { return SystemClock.new_id() };
        let id = next_id.fetch_add(1, Ordering::Relaxed);
        uuid::Builder::from_custom_bytes(u128::from(id).to_be_bytes()).into_uuid()
    }
}
