//! The license: the payment state of the plan, and the restrictions that follow from it or from a suspension by staff.

use serde::{Deserialize, Serialize};

use crate::{ids::UserId, reason::Reason, time::Instant};

/// The state of an organization's license.
///
/// It follows the subscription and its invoices, and steps down the ladder while an invoice is unpaid. A suspension by
/// staff overrides both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum License {
    /// No invoice is unpaid, or the plan is free.
    #[default]
    Active,
    /// An invoice is unpaid; AI steps down the ladder.
    Grace {
        /// The first failure of the invoice. Retries do not move it.
        since: Instant,
    },
    /// All AI is off.
    Suspended {
        /// When the suspension began.
        since: Instant,
        /// The cause, which decides what ends the suspension.
        cause: SuspensionCause,
    },
    /// The subscription has ended.
    Canceled {
        /// When it ended.
        since: Instant,
    },
}

/// The degree to which AI is switched off, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restriction {
    /// Nothing is off; a notice is shown.
    #[serde(rename = "nothing")]
    None,
    /// Premium features are off.
    Premium,
    /// Premium features and the allowance are off; packs can still be spent.
    Allowance,
    /// All AI is off.
    Ai,
}

/// The staff user who changed a license, and the reason. Only staff may see the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffAction {
    /// The staff user.
    pub user: UserId,
    /// The reason, for staff only.
    pub reason: Reason,
}

/// A change of the license: a new state, or the next rung of the ladder. Each is recorded in the license history and
/// announced by email.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseStep {
    /// When it took effect.
    pub at: Instant,
    /// The new state.
    pub license: License,
    /// The new restriction.
    pub off: Restriction,
    /// The staff action that caused it; `None` if it followed from invoices, the subscription or the ladder.
    pub by: Option<StaffAction>,
}

/// One rung of the ladder: a restriction that starts after a number of unpaid days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// The days since the first failure of the invoice.
    pub day: u16,
    /// The restriction from then on.
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

    /// Parses a name from [`as_str`](Self::as_str); `None` if it is unknown.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Premium, Self::Allowance, Self::Ai].into_iter().find(|off| off.as_str() == text)
    }

    /// The sentence in the UI and the API.
    pub const fn description(self) -> &'static str {
        match self {
            Self::None => "Nothing stops.",
            Self::Premium => "Premium features stop.",
            Self::Allowance => "The allowance stops; you can still spend packs.",
            Self::Ai => "All AI stops.",
        }
    }
}

/// The cause of a suspension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuspensionCause {
    /// An invoice stayed unpaid until the grace period ended. Paying it ends the suspension.
    NonPayment,
    /// Staff suspended it. Only staff can lift the suspension; payments do not.
    Staff,
}

impl Rung {
    /// Returns when the rung is reached if an invoice first failed at `since`.
    pub fn at(self, since: Instant) -> Instant {
        since + chrono::TimeDelta::days(self.day.into())
    }
}

impl License {
    /// Returns when grace ends in suspension; `None` unless in grace, and if the ladder never switches AI off.
    pub fn suspended_at(self, ladder: &[Rung]) -> Option<Instant> {
        let Self::Grace { since } = self else { return None };
        ladder.iter().find(|rung| rung.off == Restriction::Ai).map(|rung| rung.at(since))
    }

    /// Returns the license and the restriction at `now`: grace becomes suspended at the end of the ladder. `ladder`
    /// must be in order of days.
    pub fn stepped_down(self, ladder: &[Rung], now: Instant) -> (Self, Restriction) {
        let end = self.suspended_at(ladder).filter(|at| *at <= now);
        (
            end.map_or(self, |since| Self::Suspended { since, cause: SuspensionCause::NonPayment }),
            self.restriction(ladder, now),
        )
    }

    /// Whether plans and packs may be bought: not while staff suspend the license, because they could not be used.
    pub const fn allows_purchases(self) -> bool {
        !matches!(self, Self::Suspended { cause: SuspensionCause::Staff, .. })
    }

    /// Returns the restriction at `now`. `ladder` must be in order of days.
    pub fn restriction(self, ladder: &[Rung], now: Instant) -> Restriction {
        match self {
            Self::Active => Restriction::None,
            Self::Suspended { .. } | Self::Canceled { .. } => Restriction::Ai,
            Self::Grace { since } => {
                let reached = |rung: &&Rung| rung.at(since) <= now;
                ladder.iter().take_while(reached).last().map_or(Restriction::None, |rung| rung.off)
            }
        }
    }

    /// Returns the next stricter restriction and when it starts, if the invoice stays unpaid. `ladder` must be in order
    /// of days.
    pub fn next_step(self, ladder: &[Rung], now: Instant) -> Option<(Instant, Restriction)> {
        self.upcoming_rungs(ladder, now).find(|(_, off)| *off > self.restriction(ladder, now))
    }

    /// Returns the rungs that are not reached at `now`, each with its instant. `ladder` must be in order of days.
    pub fn upcoming_rungs(self, ladder: &[Rung], now: Instant) -> impl Iterator<Item = (Instant, Restriction)> {
        let since = if let Self::Grace { since } = self { Some(since) } else { None };
        let rungs = ladder.iter().filter_map(move |rung| Some((rung.at(since?), rung.off)));
        rungs.filter(move |(at, _)| *at > now)
    }

    /// Returns when the first rung stricter than `announced` is reached, in the past or future; `None` unless in grace.
    /// `ladder` must be in order of days.
    pub fn next_unannounced(self, announced: Restriction, ladder: &[Rung]) -> Option<Instant> {
        let Self::Grace { since } = self else { return None };
        ladder.iter().find(|rung| rung.off > announced).map(|rung| rung.at(since))
    }

    /// The name of the state in the API. [`cause`](Self::cause) distinguishes the two suspensions.
    pub const fn state(self) -> &'static str {
        match self {
            Self::Suspended { .. } => "suspended",
            other => other.name(),
        }
    }

    /// The name of the state in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Grace { .. } => "grace",
            Self::Suspended { cause: SuspensionCause::NonPayment, .. } => "suspended",
            Self::Suspended { cause: SuspensionCause::Staff, .. } => "suspended_by_staff",
            Self::Canceled { .. } => "canceled",
        }
    }

    /// The cause of the state in the API: `invoice`, `staff` or `subscription`; `None` if active.
    pub const fn cause(self) -> Option<&'static str> {
        match self {
            Self::Active => None,
            Self::Grace { .. } | Self::Suspended { cause: SuspensionCause::NonPayment, .. } => Some("invoice"),
            Self::Suspended { cause: SuspensionCause::Staff, .. } => Some("staff"),
            Self::Canceled { .. } => Some("subscription"),
        }
    }

    /// Returns when the state began; `None` if active.
    pub const fn since(self) -> Option<Instant> {
        match self {
            Self::Active => None,
            Self::Grace { since } | Self::Suspended { since, .. } | Self::Canceled { since } => Some(since),
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
            assert_eq!(License::Grace { since }.restriction(&ladder, now.parse().unwrap()), off, "{now}");
        };
        check("2026-03-01T12:00:00Z", Restriction::None);
        check("2026-03-04T11:59:59Z", Restriction::None);
        check("2026-03-04T12:00:00Z", Restriction::Premium);
        check("2026-03-08T12:00:00Z", Restriction::Allowance);
        check("2026-03-15T11:59:59Z", Restriction::Allowance);
        check("2026-03-15T12:00:00Z", Restriction::Ai);
        let check = |now: &str, next: Option<(&str, Restriction)>| {
            let next = next.map(|(at, off)| (at.parse().unwrap(), off));
            assert_eq!(License::Grace { since }.next_step(&ladder, now.parse().unwrap()), next, "{now}");
        };
        check("2026-03-01T12:00:00Z", Some(("2026-03-04T12:00:00Z", Restriction::Premium)));
        check("2026-03-04T12:00:00Z", Some(("2026-03-08T12:00:00Z", Restriction::Allowance)));
        check("2026-03-15T11:59:59Z", Some(("2026-03-15T12:00:00Z", Restriction::Ai)));
        check("2026-03-15T12:00:00Z", None);
        assert_eq!(License::Active.next_step(&ladder, since), None);
    }
}
