//! Billing periods: months counted from an organization's anchor, in UTC.

use chrono::{Datelike, Months};
use serde::{Deserialize, Serialize};

use crate::time::Instant;

/// The instant from which an organization's billing periods are counted.
///
/// Its day of the month is the anchor day. In a month without that day, the boundary is clamped to the last day, and it
/// returns to the anchor day in the next month that has it (31 January → 28 February → 31 March). Every boundary is
/// computed from the anchor, never from the previous boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Anchor(pub Instant);

/// The time that one payment for a plan covers. Its allowance is monthly in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// A month.
    #[default]
    Month,
    /// A year.
    Year,
}

impl Interval {
    /// The name in the catalog, at Stripe and in texts: `month`, `year`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The number of months.
    pub const fn months(self) -> u32 {
        match self {
            Self::Month => 1,
            Self::Year => 12,
        }
    }
}

/// One billing period: the half-open interval `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// The reset that grants the allowance of this period.
    pub start: Instant,
    /// The next reset: the allowance expires and the next period starts.
    pub end: Instant,
}

impl Anchor {
    /// Returns the period that contains `now`. `now` may be before the anchor.
    pub fn period_at(self, now: Instant) -> Period {
        let estimate = months(now) - months(self.0);
        // The anchor's day and time of day decide whether the boundary in this calendar month has been reached.
        let index = if self.boundary(estimate) <= now { estimate } else { estimate - 1 };
        Period { start: self.boundary(index), end: self.boundary(index + 1) }
    }

    /// Returns the start of the period that is `index` months after the anchor.
    fn boundary(self, index: i32) -> Instant {
        let count = Months::new(index.unsigned_abs());
        let moved = if index >= 0 { self.0.checked_add_months(count) } else { self.0.checked_sub_months(count) };
        moved.unwrap_or(self.0)
    }
}

fn months(instant: Instant) -> i32 {
    instant.year() * 12 + instant.month0() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(anchor: &str, now: &str, start: &str, end: &str) {
        let at = |text: &str| text.parse::<Instant>().unwrap();
        let period = Anchor(at(anchor)).period_at(at(now));
        assert_eq!(period, Period { start: at(start), end: at(end) }, "anchor {anchor}, now {now}");
    }

    #[test]
    fn a_missing_anchor_day_is_clamped_to_the_last_day_of_the_month_and_returns() {
        let anchor = "2026-01-31T09:30:00Z";
        check(anchor, "2026-02-01T00:00:00Z", "2026-01-31T09:30:00Z", "2026-02-28T09:30:00Z");
        check(anchor, "2026-03-01T00:00:00Z", "2026-02-28T09:30:00Z", "2026-03-31T09:30:00Z");
        check(anchor, "2026-04-30T09:30:00Z", "2026-04-30T09:30:00Z", "2026-05-31T09:30:00Z");
        check(anchor, "2028-02-29T09:29:59Z", "2028-01-31T09:30:00Z", "2028-02-29T09:30:00Z");
        check(anchor, "2028-02-29T09:30:00Z", "2028-02-29T09:30:00Z", "2028-03-31T09:30:00Z");
    }

    #[test]
    fn a_period_starts_exactly_at_its_boundary() {
        let anchor = "2026-05-12T10:00:00Z";
        check(anchor, "2026-06-12T09:59:59.999999Z", "2026-05-12T10:00:00Z", "2026-06-12T10:00:00Z");
        check(anchor, "2026-06-12T10:00:00Z", "2026-06-12T10:00:00Z", "2026-07-12T10:00:00Z");
    }

    #[test]
    fn an_instant_before_the_anchor_has_a_period() {
        check("2026-05-31T10:00:00Z", "2026-04-01T00:00:00Z", "2026-03-31T10:00:00Z", "2026-04-30T10:00:00Z");
    }
}
