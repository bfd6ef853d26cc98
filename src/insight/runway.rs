//! Runway: how long the tokens last at the current pace.

use chrono::TimeDelta;

use crate::{ledger::tokens::Tokens, time::Instant};

/// The number of past days whose usage is the pace.
pub const PACE_DAYS: u32 = 14;
/// A longer runway is not reported: about ten years.
const MAX_RUNWAY: TimeDelta = TimeDelta::days(3_650);

/// The runway at the pace of the last [`PACE_DAYS`] days: it ends before the next reset or lasts past it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runway {
    /// They run out at this instant, before the reset.
    ExhaustedAt(Instant),
    /// They last past the reset.
    LastsPastReset,
}

impl Runway {
    /// Returns the runway of `available` tokens if `used` tokens were used in the last [`PACE_DAYS`] days. `None` if no
    /// tokens are available or none were used.
    pub fn of(available: Tokens, used: Tokens, resets_at: Instant, now: Instant) -> Option<Self> {
        if available.is_zero() || used.is_zero() {
            return None;
        }
        let end = exhausts_at(available, used, now).filter(|at| *at < resets_at);
        Some(end.map_or(Self::LastsPastReset, Self::ExhaustedAt))
    }
}

/// Returns when `available` tokens run out if the usage continues at the pace of `used` tokens in [`PACE_DAYS`] days:
/// `now + available ÷ (used ÷ PACE_DAYS)`. `None` if no tokens were used, or if they last more than ten years.
pub fn exhausts_at(available: Tokens, used: Tokens, now: Instant) -> Option<Instant> {
    if used.is_zero() {
        return None;
    }
    let window = i128::from(TimeDelta::days(i64::from(PACE_DAYS)).num_seconds());
    let seconds = window * i128::from(available.get()) / i128::from(used.get());
    let lasts = TimeDelta::try_seconds(i64::try_from(seconds).ok()?)?;
    if lasts > MAX_RUNWAY { None } else { now.checked_add_signed(lasts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_run_out_at_the_pace_of_the_last_two_weeks() {
        let now: Instant = "2026-03-01T12:00:00Z".parse().unwrap();
        let tokens = |amount| Tokens::new(amount).unwrap();
        for (available, used, then) in [
            (140, 140, Some("2026-03-15T12:00:00Z")),
            (70, 140, Some("2026-03-08T12:00:00Z")),
            (0, 140, Some("2026-03-01T12:00:00Z")),
            (140, 0, None),
            (0, 0, None),
            (1_000_000, 1, None),
            (Tokens::MAX.get(), Tokens::MAX.get(), Some("2026-03-15T12:00:00Z")),
        ] {
            let then = then.map(|then: &str| then.parse().unwrap());
            assert_eq!(exhausts_at(tokens(available), tokens(used), now), then, "{available} at {used}");
        }
    }

    #[test]
    fn a_runway_ends_before_the_reset_or_lasts_past_it() {
        let at = |text: &str| text.parse::<Instant>().unwrap();
        let (now, reset) = (at("2026-03-01T12:00:00Z"), at("2026-03-15T12:00:00Z"));
        let tokens = |amount| Tokens::new(amount).unwrap();
        for (available, used, runway) in [
            (139, 140, Some(Runway::ExhaustedAt(at("2026-03-15T09:36:00Z")))),
            (140, 140, Some(Runway::LastsPastReset)),
            (1_000_000, 1, Some(Runway::LastsPastReset)),
            (0, 140, None),
            (140, 0, None),
        ] {
            assert_eq!(Runway::of(tokens(available), tokens(used), reset, now), runway, "{available} at {used}");
        }
    }
}
