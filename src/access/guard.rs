//! Guards: the rate limit, the interval and the abuse block of one member or API key.

use serde::{Deserialize, Serialize};

use crate::{
    access::refusal::Refusal,
    catalog::Limits,
    time::{Instant, after_seconds},
};

/// The recent requests and the block of one caller.
///
/// A request that passes the rate check counts towards the rate, even if a later check refuses it. Only an admitted
/// request starts a new interval. So both refusals name the exact instant at which a retry passes, and retrying early
/// costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// The counted requests of the current window, oldest first.
    pub requests: Vec<Instant>,
    /// The last admitted request; `None` if there was none.
    pub last_admitted_at: Option<Instant>,
    /// When the block for abuse ends; `None` if the caller was never blocked.
    pub blocked_until: Option<Instant>,
}

/// The state of a caller's rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateStatus {
    /// The requests allowed per window.
    pub requests: u16,
    /// The length of the window, in seconds.
    pub window_seconds: u32,
    /// The requests left in the current window.
    pub remaining: u16,
    /// When the oldest counted request leaves the window; now if none is counted.
    pub resets_at: Instant,
}

impl Guard {
    /// Checks that the caller is not blocked for abuse.
    ///
    /// # Errors
    /// [`Refusal::Blocked`] with the end of the block.
    pub fn check_block(&self, now: Instant) -> Result<(), Refusal> {
        match self.blocked_until {
            Some(until) if until > now => Err(Refusal::Blocked { until }),
            _ => Ok(()),
        }
    }

    /// Checks the rate: at most [`Limits::requests`] requests in any [`Limits::window_seconds`].
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

    /// Checks the interval: at least [`Limits::interval_seconds`] between two admitted requests.
    ///
    /// A last request that is more than the interval ahead of `now` means that the clock jumped back. It is ignored;
    /// otherwise the caller would wait until the clock catches up.
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

    /// Returns the state of the rate limit, or `None` if the caller has no rate limit.
    pub fn rate_status(&self, limits: &Limits, now: Instant) -> Option<RateStatus> {
        let requests = limits.requests?;
        let counted: Vec<Instant> = self.requests.iter().copied().filter(|at| in_window(*at, limits, now)).collect();
        let used = u16::try_from(counted.len()).unwrap_or(u16::MAX);
        let resets_at = counted.first().map_or(now, |oldest| after_seconds(*oldest, limits.window_seconds));
        let window_seconds = limits.window_seconds;
        Some(RateStatus { requests, window_seconds, remaining: requests.saturating_sub(used), resets_at })
    }

    /// Returns the guard after an admitted request.
    pub fn after_admitted(&self, limits: &Limits, now: Instant) -> Self {
        Self { last_admitted_at: Some(now), ..self.after_counted(limits, now) }
    }

    /// Returns the guard after a request that passed the rate check and was then refused.
    pub fn after_counted(&self, limits: &Limits, now: Instant) -> Self {
        let mut requests: Vec<Instant> =
            self.requests.iter().copied().filter(|at| in_window(*at, limits, now)).collect();
        if limits.requests.is_some() {
            requests.push(now);
        }
        Self { requests, ..self.clone() }
    }
}

/// Whether `at` is in the window `(now − window, now]`. Requests after `now`, from before the clock jumped back, do not
/// count.
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
    fn a_full_window_refuses_until_its_oldest_request_leaves() {
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
    fn a_clock_that_jumped_back_does_not_lock_the_caller_out() {
        let future = guard(&[1_000, 1_010, 1_020]);
        assert_eq!(future.check_rate(&LIMITS, at(5)), Ok(()));
        assert_eq!(future.check_interval(&LIMITS, at(5)), Ok(()));
    }

    #[test]
    fn a_clock_that_lags_less_than_the_interval_still_enforces_it() {
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
