//! Instants, in UTC with microsecond precision. Postgres stores microseconds, and the hash chain covers what is stored.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// An instant in UTC.
pub type Instant = DateTime<Utc>;

/// Truncates an instant to microseconds, so that it reads back from the database unchanged.
pub fn to_micros(instant: Instant) -> Instant {
    instant.trunc_subsecs(6)
}

/// Returns `instant + seconds`, saturating at the latest representable instant.
pub fn after_seconds(instant: Instant, seconds: u32) -> Instant {
    instant.checked_add_signed(TimeDelta::seconds(i64::from(seconds))).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Returns the whole seconds from `now` until `until`, rounded up, at least 0: the value of `Retry-After`.
pub fn seconds_until(now: Instant, until: Instant) -> u32 {
    let left = (until - now).max(TimeDelta::zero());
    // If rounded down, a caller who waits exactly that long would be refused again.
    u32::try_from(left.num_seconds() + i64::from(left.subsec_nanos() > 0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_a_second_is_rounded_up() {
        let now: Instant = "2026-01-01T00:00:00Z".parse().unwrap();
        for (micros, seconds) in [(-5_000_000, 0), (0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (2_000_001, 3)] {
            assert_eq!(seconds_until(now, now + TimeDelta::microseconds(micros)), seconds, "{micros} µs");
        }
    }
}
