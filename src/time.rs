//! Instants, in UTC with microsecond precision. Postgres stores microseconds, and the hash chain covers what is stored.

use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

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

/// The years that a request may name. Postgres can hold any instant in them, and so it can after every period, time to
/// live and time zone that is added.
const REQUESTED_YEARS: std::ops::Range<i32> = 1970..2200;

/// An instant that a request names: RFC 3339, from 1970 to 2199.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Instant")]
pub struct RequestedInstant(Instant);

/// A day that a request names, from 1970 to 2199.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestedDay(NaiveDate);

/// The error for an instant or a day that is malformed or too far away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is in the years {} to {}", REQUESTED_YEARS.start, REQUESTED_YEARS.end - 1)]
pub struct RequestedTimeError;

impl RequestedInstant {
    /// Returns the instant.
    pub const fn get(self) -> Instant {
        self.0
    }
}

impl RequestedDay {
    /// Returns the day.
    pub const fn get(self) -> NaiveDate {
        self.0
    }
}

impl TryFrom<Instant> for RequestedInstant {
    type Error = RequestedTimeError;

    fn try_from(instant: Instant) -> Result<Self, RequestedTimeError> {
        if REQUESTED_YEARS.contains(&instant.year()) { Ok(Self(to_micros(instant))) } else { Err(RequestedTimeError) }
    }
}

impl FromStr for RequestedInstant {
    type Err = RequestedTimeError;

    fn from_str(text: &str) -> Result<Self, RequestedTimeError> {
        text.parse::<Instant>().map_err(|_| RequestedTimeError)?.try_into()
    }
}

impl FromStr for RequestedDay {
    type Err = RequestedTimeError;

    fn from_str(text: &str) -> Result<Self, RequestedTimeError> {
        let day: NaiveDate = text.parse().map_err(|_| RequestedTimeError)?;
        if REQUESTED_YEARS.contains(&day.year()) { Ok(Self(day)) } else { Err(RequestedTimeError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requested_time_is_from_1970_to_2199() {
        for text in ["1970-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z", "2026-03-10T10:00:00+01:00"] {
            assert!(text.parse::<RequestedInstant>().is_ok(), "{text}");
        }
        for text in [
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "2200-01-01T00:00:00Z",
            "-262143-01-01T00:00:00Z",
            "+262142-12-31T23:59:59Z",
            "2026-03-10",
            "",
        ] {
            assert_eq!(text.parse::<RequestedInstant>(), Err(RequestedTimeError), "{text}");
        }
        assert!("1970-01-01".parse::<RequestedDay>().is_ok() && "2199-12-31".parse::<RequestedDay>().is_ok());
        for text in ["1969-12-31", "2200-01-01", "-5000-01-01", "+99999-01-01", "2026-02-30", ""] {
            assert_eq!(text.parse::<RequestedDay>(), Err(RequestedTimeError), "{text}");
        }
    }

    #[test]
    fn a_fraction_of_a_second_is_rounded_up() {
        let now: Instant = "2026-01-01T00:00:00Z".parse().unwrap();
        for (micros, seconds) in [(-5_000_000, 0), (0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (2_000_001, 3)] {
            assert_eq!(seconds_until(now, now + TimeDelta::microseconds(micros)), seconds, "{micros} µs");
        }
    }
}
