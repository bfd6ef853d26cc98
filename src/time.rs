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
    let left = (until - now).max(TimeDelta::zero());
    // Rounded down, a caller who waits for just that long would be refused once more.
    u32::try_from(left.num_seconds() + i64::from(left.subsec_nanos() > 0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_to_the_microsecond() {
        let now: Instant = "2026-01-01T00:00:00Z".parse().unwrap();
        for (micros, seconds) in [(-5_000_000, 0), (0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (2_000_001, 3)] {
            assert_eq!(seconds_until(now, now + TimeDelta::microseconds(micros)), seconds, "{micros} µs");
        }
    }
}
