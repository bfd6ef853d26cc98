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

/// A clock that stands still until it is moved. For tests, whose ids count up, and for `demo`, whose ids are real ones.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Instant>,
    counted: Option<AtomicU64>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn new(now: Instant) -> Self {
        Self { now: Mutex::new(to_micros(now)), counted: None }
    }

    /// The same, with ids that count up from `first`: the same run makes the same ids.
    pub fn with_counted_ids(now: Instant, first: u64) -> Self {
        Self { counted: Some(AtomicU64::new(first)), ..Self::new(now) }
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
        let Some(counted) = &self.counted else { return SystemClock.new_id() };
        let count = counted.fetch_add(1, Ordering::Relaxed);
        uuid::Builder::from_custom_bytes(u128::from(count).to_be_bytes()).into_uuid()
    }
}
