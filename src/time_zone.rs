//! Time zones, and days in them. An organization's days are those of its time zone, in every figure, filter and page.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use crate::time::Instant;

/// A time zone of the IANA database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeZone(Tz);

/// The error for an unknown time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone `{0}`: use an IANA name like Europe/Berlin")]
pub struct UnknownTimeZone(String);

impl TimeZone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(Tz::UTC);

    /// Returns `at` as local time, to format it.
    pub fn local(self, at: Instant) -> DateTime<Tz> {
        at.with_timezone(&self.0)
    }

    /// Returns the day that contains `at`.
    pub fn day(self, at: Instant) -> NaiveDate {
        self.local(at).date_naive()
    }

    /// Returns the day `days` before the one that contains `at`.
    pub fn days_before(self, at: Instant, days: u32) -> NaiveDate {
        self.day(at).checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN)
    }

    /// Returns the first instant of `day`. If the clocks skip midnight, that is the first instant after the gap; if they
    /// repeat it, the earlier midnight.
    pub fn start_of(self, day: NaiveDate) -> Instant {
        let midnight = day.and_time(NaiveTime::MIN);
        // Gaps end on a quarter of an hour. The longest was a whole day, in Samoa.
        let quarters = (0..=96).filter_map(|n| midnight.checked_add_signed(TimeDelta::minutes(15 * n)));
        let start = quarters.map(|local| self.0.from_local_datetime(&local).earliest()).find_map(|at| at);
        start.map_or_else(|| midnight.and_utc(), |at| at.to_utc())
    }
}

impl FromStr for TimeZone {
    type Err = UnknownTimeZone;

    fn from_str(name: &str) -> Result<Self, UnknownTimeZone> {
        name.parse().map(Self).map_err(|_| UnknownTimeZone(name.into()))
    }
}

impl TryFrom<String> for TimeZone {
    type Error = UnknownTimeZone;

    fn try_from(name: String) -> Result<Self, UnknownTimeZone> {
        name.parse()
    }
}

/// The IANA name.
impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::TZ_VARIANTS;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_starts_at_the_first_local_time_that_exists() {
        for (zone, date, start) in [
            ("UTC", "2026-03-29", "2026-03-29T00:00:00Z"),
            ("Pacific/Auckland", "2026-11-30", "2026-11-29T11:00:00Z"),
            ("Asia/Kathmandu", "2026-11-30", "2026-11-29T18:15:00Z"),
            // Summer time starts at midnight: the day starts at 1:00.
            ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z"),
            // Winter time starts at 1:00: midnight is repeated.
            ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),
            // Samoa crossed the date line and skipped this day.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
        ] {
            let zone: TimeZone = zone.parse().unwrap();
            assert_eq!(zone.start_of(day(date)), start.parse::<Instant>().unwrap(), "{zone}");
        }
        let too_late = TimeZone::UTC.start_of(NaiveDate::MAX);
        assert_eq!(too_late.date_naive(), NaiveDate::MAX);
    }

    #[test]
    fn the_days_of_a_year_follow_each_other_in_every_zone() {
        for zone in TZ_VARIANTS.map(TimeZone) {
            for day in day("2026-01-01").iter_days().take(366) {
                let start = zone.start_of(day);
                assert_eq!(zone.day(start), day, "{zone}");
                assert_eq!(zone.days_before(start, 1), zone.day(start - TimeDelta::microseconds(1)), "{zone} {day}");
            }
        }
    }

    #[test]
    fn a_name_is_of_the_iana_database() {
        assert_eq!("Europe/Berlin".parse::<TimeZone>().unwrap().to_string(), "Europe/Berlin");
        for name in ["", "Europe", "europe/berlin", "Berlin", "UTC+1", "CEST", "Europe/Berlin\0"] {
            assert_eq!(name.parse::<TimeZone>(), Err(UnknownTimeZone(name.into())));
        }
    }
}
