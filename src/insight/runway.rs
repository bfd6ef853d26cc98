//! Runway: how long the tokens last at the present pace.

use chrono::TimeDelta;

use crate::{ledger::tokens::Tokens, time::Instant};

/// How many days of use make the pace.
pub const PACE_DAYS: u32 = 14;
/// What is further away than this is for ever.
const MAX_RUNWAY: TimeDelta = TimeDelta::days(3_650);

/// How long tokens last at the pace of the last [`PACE_DAYS`] days, seen from the next reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runway {
    /// They run out at that instant, before the reset.
    Until(Instant),
    /// They last beyond the reset, for now.
    PastReset,
}

impl Runway {
    /// The runway of `available` tokens of which `used` went in [`PACE_DAYS`] days. Nothing where there is no pace, or nothing
    /// left that could last.
    pub fn of(available: Tokens, used: Tokens, resets_at: Instant, now: Instant) -> Option<Self> {
        if available.is_zero() || used.is_zero() {
            return None;
        }
        let end = exhausts_at(available, used, now).filter(|at| *at < resets_at);
        Some(end.map_or(Self::PastReset, Self::Until))
    }
}

/// When `available` tokens are used up if `used` in [`PACE_DAYS`] days goes on: `now + available ÷ (used ÷ days)`. Nothing if
/// none was used, or if it lasts for more than ten years.
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
    fn tokens_last_as_long_as_the_pace_of_two_weeks_says() {
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
    fn a_runway_ends_before_the_reset_or_is_told_to_pass_it() {
        let at = |text: &str| text.parse::<Instant>().unwrap();
        let (now, reset) = (at("2026-03-01T12:00:00Z"), at("2026-03-15T12:00:00Z"));
        let tokens = |amount| Tokens::new(amount).unwrap();
        for (available, used, runway) in [
            (139, 140, Some(Runway::Until(at("2026-03-15T09:36:00Z")))),
            (140, 140, Some(Runway::PastReset)),
            (1_000_000, 1, Some(Runway::PastReset)),
            (0, 140, None),
            (140, 0, None),
        ] {
            assert_eq!(Runway::of(tokens(available), tokens(used), reset, now), runway, "{available} at {used}");
        }
    }
}
