//! Instants. Everything is UTC, to the microsecond: what Postgres stores, and so what the hash chain covers.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// An instant in UTC.
pub type Instant = DateTime<Utc>;

/// The instant cut to whole microseconds, so that it reads back from the database as it was written.
pub fn to_micros(instant: Instant) -> Instant {
    instant.trunc_subsecs(6)
}

/// `instant + seconds`, held at the end of representable time.
pub fn after_seconds(instant: Instant, seconds: u32) -> Instant {
    instant.checked_add_signed(TimeDelta::seconds(i64::from(seconds))).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Whole seconds from `now` until `until`, rounded up, at least 0: what `Retry-After` says.
pub fn seconds_until(now: Instant, until: Instant) -> u32 {
    let ms = (until - now).num_milliseconds().max(0);
    u32::try_from((ms + 999) / 1000).unwrap_or(u32::MAX)
}
