//! Formats instants for display.

use brightmeter::{time::Instant, time_zone::TimeZone};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::views::LocalTime;

impl LocalTime {
    /// Formats `at` in `zone`, relative to `now`.
    pub fn new(at: Instant, zone: TimeZone, now: Instant) -> Self {
        Self {
            iso: at.to_rfc3339_opts(SecondsFormat::Secs, true),
            text: zone.local(at).format("%-d %B %Y, %H:%M %Z").to_string(),
            date: zone.local(at).format("%-d %b %Y").to_string(),
            relative: relative(at, now),
        }
    }
}

fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let distance = at - now;
    let size = distance.abs();
    if size < TimeDelta::seconds(5) {
        return "just now".into();
    }
    // Future days are rounded up, so that a reset never seems sooner than it is.
    let (count, unit) = if size < TimeDelta::minutes(1) {
        (size.num_seconds(), "second")
    } else if size < TimeDelta::hours(1) {
        (size.num_minutes(), "minute")
    } else if size < TimeDelta::days(1) {
        (size.num_hours(), "hour")
    } else if distance > TimeDelta::zero() {
        ((size.num_seconds() + 86_399) / 86_400, "day")
    } else {
        (size.num_days(), "day")
    };
    let plural = if count == 1 { "" } else { "s" };
    if distance > TimeDelta::zero() {
        format!("in {count} {unit}{plural}")
    } else {
        format!("{count} {unit}{plural} ago")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_formatted_in_its_time_zone() {
        let at = |text: &str| text.parse::<Instant>().unwrap();
        let check = |instant, now, text, relative| {
            let when = LocalTime::new(at(instant), "Europe/Berlin".parse().unwrap(), at(now));
            assert_eq!((when.text.as_str(), when.relative.as_str()), (text, relative));
        };
        check("2026-12-01T08:30:00Z", "2026-11-22T12:00:00Z", "1 December 2026, 09:30 CET", "in 9 days");
        check("2026-07-01T08:30:00Z", "2026-07-01T08:33:10Z", "1 July 2026, 10:30 CEST", "3 minutes ago");
        check("2026-07-01T08:30:00Z", "2026-07-01T08:30:01Z", "1 July 2026, 10:30 CEST", "just now");
        check("2026-07-02T08:30:00Z", "2026-07-01T08:30:00Z", "2 July 2026, 10:30 CEST", "in 1 day");
    }
}
