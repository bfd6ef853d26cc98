//! Guards: how often one member or key has asked.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    access::refusal::Refusal,
    catalog::Limits,
    time::{Instant, after_seconds},
};

/// Whose guard it is: a member's id, or that of a key which acts for no member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuardId(pub Uuid);

/// What one caller has asked lately.
///
/// A request counts towards the rate once it has passed the rate itself, whatever it is answered then; only an admitted
/// request moves the interval. So both refusals tell exactly when the next try succeeds, and trying early costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// The requests of the last window, oldest first.
    pub requests: Vec<Instant>,
    /// The last admitted request.
    pub last_admitted_at: Option<Instant>,
    /// Until when the caller is blocked for abuse.
    pub blocked_until: Option<Instant>,
}

/// Where a caller stands under its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateStatus {
    /// How many requests are admitted.
    pub requests: u16,
    /// In which time.
    pub window_seconds: u32,
    /// How many are left.
    pub remaining: u16,
    /// When the next one is given back.
    pub resets_at: Instant,
}

impl Guard {
    /// Whether a request now would be within the limits.
    ///
    /// # Errors
    /// [`Refusal::Blocked`], [`Refusal::RateLimited`] and [`Refusal::TooFrequent`] come from here, in the order that the
    /// methods stand in.
    pub fn check_block(&self, now: Instant) -> Result<(), Refusal> {
        match self.blocked_until {
            Some(until) if until > now => Err(Refusal::Blocked { until }),
            _ => Ok(()),
        }
    }

    /// At most so many requests in any window.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] with the instant at which the oldest request leaves the window.
    pub fn check_rate(&self, limits: &Limits, now: Instant) -> Result<(), Refusal> {
        let Some(allowed) = limits.requests else { return Ok(()) };
        let mut counted = self.requests.iter().filter(|at| in_window(**at, limits, now));
        let count = counted.clone().count();
        if count < usize::from(allowed) {
            return Ok(());
        }
        let leaving = counted.nth(count - usize::from(allowed)).copied().unwrap_or(now);
        let until = after_seconds(leaving, limits.window_seconds);
        Err(Refusal::RateLimited { requests: allowed, window_seconds: limits.window_seconds, until })
    }

    /// So much time between two admitted requests. One that lies further ahead than that is of a clock that jumped back,
    /// and does not count: otherwise its caller would wait until the clock is there again.
    ///
    /// # Errors
    /// [`Refusal::TooFrequent`] with the instant from which the next request is admitted.
    pub fn check_interval(&self, limits: &Limits, now: Instant) -> Result<(), Refusal> {
        let Some(last) = self.last_admitted_at else { return Ok(()) };
        let until = after_seconds(last, limits.interval_seconds);
        if until <= now || after_seconds(now, limits.interval_seconds) <= last {
            Ok(())
        } else {
            Err(Refusal::TooFrequent { interval_seconds: limits.interval_seconds, until })
        }
    }

    /// How much of the rate is left, where there is one.
    pub fn rate_status(&self, limits: &Limits, now: Instant) -> Option<RateStatus> {
        let requests = limits.requests?;
        let counted: Vec<Instant> = self.requests.iter().copied().filter(|at| in_window(*at, limits, now)).collect();
        let used = u16::try_from(counted.len()).unwrap_or(u16::MAX);
        let resets_at = counted.first().map_or(now, |oldest| after_seconds(*oldest, limits.window_seconds));
        let window_seconds = limits.window_seconds;
        Some(RateStatus { requests, window_seconds, remaining: requests.saturating_sub(used), resets_at })
    }

    /// The guard after a request that was admitted.
    pub fn after_admitted(&self, limits: &Limits, now: Instant) -> Self {
        Self { last_admitted_at: Some(now), ..self.after_counted(limits, now) }
    }

    /// The guard after a request that passed the rate but was then refused.
    pub fn after_counted(&self, limits: &Limits, now: Instant) -> Self {
        let mut requests: Vec<Instant> =
            self.requests.iter().copied().filter(|at| in_window(*at, limits, now)).collect();
        if limits.requests.is_some() {
            requests.push(now);
        }
        Self { requests, ..self.clone() }
    }
}

/// In the window `(now − window, now]`; what lies after a clock that jumped back does not count.
fn in_window(at: Instant, limits: &Limits, now: Instant) -> bool {
    at <= now && now < after_seconds(at, limits.window_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { requests: Some(3), window_seconds: 60, interval_seconds: 3 };

    fn at(seconds: u32) -> Instant {
        after_seconds("2026-01-01T00:00:00Z".parse().unwrap(), seconds)
    }

    fn guard(admitted: &[u32]) -> Guard {
        admitted.iter().fold(Guard::default(), |guard, second| guard.after_admitted(&LIMITS, at(*second)))
    }

    #[test]
    fn a_window_admits_its_number_and_tells_when_the_next_is_free() {
        let full = guard(&[0, 10, 20]);
        let until = at(60);
        assert_eq!(
            full.check_rate(&LIMITS, at(59)),
            Err(Refusal::RateLimited { requests: 3, window_seconds: 60, until })
        );
        assert_eq!(full.check_rate(&LIMITS, until), Ok(()));
        assert_eq!(guard(&[0, 10]).check_rate(&LIMITS, at(11)), Ok(()));
    }

    #[test]
    fn the_interval_is_exact() {
        let once = guard(&[10]);
        assert_eq!(
            once.check_interval(&LIMITS, at(12)),
            Err(Refusal::TooFrequent { interval_seconds: 3, until: at(13) })
        );
        assert_eq!(once.check_interval(&LIMITS, at(13)), Ok(()));
    }

    #[test]
    fn a_clock_that_jumped_back_locks_nobody_out() {
        let future = guard(&[1_000, 1_010, 1_020]);
        assert_eq!(future.check_rate(&LIMITS, at(5)), Ok(()));
        assert_eq!(future.check_interval(&LIMITS, at(5)), Ok(()));
    }

    #[test]
    fn a_clock_that_lags_a_little_behind_another_still_keeps_the_interval() {
        let refused = Err(Refusal::TooFrequent { interval_seconds: 3, until: at(13) });
        assert_eq!(guard(&[10]).check_interval(&LIMITS, at(8)), refused);
        assert_eq!(guard(&[10]).check_interval(&LIMITS, at(7)), Ok(()));
    }

    #[test]
    fn a_refused_request_counts_but_does_not_move_the_interval() {
        let refused = guard(&[10]).after_counted(&LIMITS, at(11));
        assert_eq!(refused.requests.len(), 2);
        assert_eq!(refused.check_interval(&LIMITS, at(13)), Ok(()));
    }
}
