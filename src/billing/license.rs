//! The license: whether the organization's plan is paid, and what is off while it is not, or while staff have suspended it.

use serde::{Deserialize, Serialize};

use crate::{ids::UserId, reason::Reason, time::Instant};

/// The state of an organization's license.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum License {
    /// Paid, or free.
    #[default]
    Active,
    /// An invoice failed at `since`; AI steps down the ladder from there.
    Grace {
        /// The first failure; retries do not move it.
        since: Instant,
    },
    /// Grace has run out: an invoice was unpaid for too long.
    Suspended {
        /// When it was suspended.
        since: Instant,
    },
    /// Staff have suspended it, whatever is paid or not. Only staff lift that.
    Stopped {
        /// When they did.
        since: Instant,
    },
    /// The subscription has ended.
    Canceled {
        /// When it ended.
        since: Instant,
    },
}

/// What is off, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restriction {
    /// Only a notice is shown.
    #[serde(rename = "nothing")]
    None,
    /// Premium features.
    Premium,
    /// Premium features and the allowance; packs still spend.
    Allowance,
    /// All AI.
    Ai,
}

/// Who of the staff changed a license, and why. The reason is for staff alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffAction {
    /// The person.
    pub user: UserId,
    /// Why.
    pub reason: Reason,
}

/// A step of the license: a new state, or a rung further down. Each is kept in its log and told by email.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseStep {
    /// When it was made.
    pub at: Instant,
    /// The state from then on.
    pub license: License,
    /// What is off from then on.
    pub off: Restriction,
    /// Who of the staff made it; nobody where it followed the money or time.
    pub by: Option<StaffAction>,
}

/// One rung of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// Days since the first failure of the invoice.
    pub day: u16,
    /// What is off from then on.
    pub off: Restriction,
}

impl Restriction {
    /// The name in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Premium => "premium",
            Self::Allowance => "allowance",
            Self::Ai => "ai",
        }
    }

    /// The one of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Premium, Self::Allowance, Self::Ai].into_iter().find(|off| off.as_str() == text)
    }

    /// What stops, in words.
    pub const fn stops(self) -> &'static str {
        match self {
            Self::None => "Nothing stops.",
            Self::Premium => "Premium features stop.",
            Self::Allowance => "The allowance stops; packs can still be spent.",
            Self::Ai => "All AI stops.",
        }
    }
}

impl Rung {
    /// When it is reached, by an invoice that failed at `since`.
    pub fn at(self, since: Instant) -> Instant {
        since + chrono::TimeDelta::days(self.day.into())
    }
}

impl License {
    /// Where time has brought the license at `now`, and what is off: grace that has run out is suspended. `ladder` is in order of days.
    pub fn stepped_down(self, ladder: &[Rung], now: Instant) -> (Self, Restriction) {
        let end = match self {
            Self::Grace { since } => ladder.iter().find(|rung| rung.off == Restriction::Ai).map(|rung| rung.at(since)),
            _ => None,
        };
        let end = end.filter(|at| *at <= now);
        (end.map_or(self, |since| Self::Suspended { since }), self.off(ladder, now))
    }

    /// Whether anything new is sold: not to whom staff have suspended, as they could not use it.
    pub const fn sells(self) -> bool {
        !matches!(self, Self::Stopped { .. })
    }

    /// What is off at `now`. `ladder` is in order of days.
    pub fn off(self, ladder: &[Rung], now: Instant) -> Restriction {
        match self {
            Self::Active => Restriction::None,
            Self::Suspended { .. } | Self::Stopped { .. } | Self::Canceled { .. } => Restriction::Ai,
            Self::Grace { since } => {
                let reached = |rung: &&Rung| rung.at(since) <= now;
                ladder.iter().take_while(reached).last().map_or(Restriction::None, |rung| rung.off)
            }
        }
    }

    /// When it steps down next if nothing is paid, and what is off then. `ladder` is in order of days.
    pub fn next(self, ladder: &[Rung], now: Instant) -> Option<(Instant, Restriction)> {
        self.ahead(ladder, now).find(|(_, off)| *off > self.off(ladder, now))
    }

    /// The rungs that are not reached at `now`, each with its instant. `ladder` is in order of days.
    pub fn ahead(self, ladder: &[Rung], now: Instant) -> impl Iterator<Item = (Instant, Restriction)> {
        let since = if let Self::Grace { since } = self { Some(since) } else { None };
        let rungs = ladder.iter().filter_map(move |rung| Some((rung.at(since?), rung.off)));
        rungs.filter(move |(at, _)| *at > now)
    }

    /// When the first rung comes below `announced`, reached or not. `ladder` is in order of days.
    pub fn after(self, announced: Restriction, ladder: &[Rung]) -> Option<Instant> {
        let Self::Grace { since } = self else { return None };
        ladder.iter().find(|rung| rung.off > announced).map(|rung| rung.at(since))
    }

    /// The name of the state in the API, where what staff have suspended is suspended, too.
    pub const fn state(self) -> &'static str {
        match self {
            Self::Stopped { .. } => "suspended",
            other => other.name(),
        }
    }

    /// The name of the state in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Grace { .. } => "grace",
            Self::Suspended { .. } => "suspended",
            Self::Stopped { .. } => "stopped",
            Self::Canceled { .. } => "canceled",
        }
    }

    /// What the state follows, for every one but active: in the API.
    pub const fn by(self) -> Option<&'static str> {
        match self {
            Self::Active => None,
            Self::Grace { .. } | Self::Suspended { .. } => Some("invoice"),
            Self::Stopped { .. } => Some("staff"),
            Self::Canceled { .. } => Some("subscription"),
        }
    }

    /// Since when, for every state but active.
    pub const fn since(self) -> Option<Instant> {
        match self {
            Self::Active => None,
            Self::Grace { since } | Self::Suspended { since } | Self::Stopped { since } | Self::Canceled { since } => {
                Some(since)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ai_steps_down_the_ladder_day_by_day() {
        let ladder =
            [(0, Restriction::None), (3, Restriction::Premium), (7, Restriction::Allowance), (14, Restriction::Ai)]
                .map(|(day, off)| Rung { day, off });
        let since: Instant = "2026-03-01T12:00:00Z".parse().unwrap();
        let check = |now: &str, off| {
            assert_eq!(License::Grace { since }.off(&ladder, now.parse().unwrap()), off, "{now}");
        };
        check("2026-03-01T12:00:00Z", Restriction::None);
        check("2026-03-04T11:59:59Z", Restriction::None);
        check("2026-03-04T12:00:00Z", Restriction::Premium);
        check("2026-03-08T12:00:00Z", Restriction::Allowance);
        check("2026-03-15T11:59:59Z", Restriction::Allowance);
        check("2026-03-15T12:00:00Z", Restriction::Ai);
        let check = |now: &str, next: Option<(&str, Restriction)>| {
            let next = next.map(|(at, off)| (at.parse().unwrap(), off));
            assert_eq!(License::Grace { since }.next(&ladder, now.parse().unwrap()), next, "{now}");
        };
        check("2026-03-01T12:00:00Z", Some(("2026-03-04T12:00:00Z", Restriction::Premium)));
        check("2026-03-04T12:00:00Z", Some(("2026-03-08T12:00:00Z", Restriction::Allowance)));
        check("2026-03-15T11:59:59Z", Some(("2026-03-15T12:00:00Z", Restriction::Ai)));
        check("2026-03-15T12:00:00Z", None);
        assert_eq!(License::Active.next(&ladder, since), None);
    }
}
