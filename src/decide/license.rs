//! License changes: overdue payments, suspensions by staff, and the ladder.
//!
//! Decision 5: the license comes first. When a payment fails, AI steps down before the core product; paying restores
//! everything immediately. A suspension by staff overrides billing: no payment lifts it.

use super::draft::Draft;
use crate::{
    access::refusal::Refusal,
    billing::{
        license::{License, LicenseStep, Restriction, StaffAction, SuspensionCause},
        standing::{Standing, assess},
    },
    ledger::outcome::Effect,
    time::Instant,
};

/// Suspends the license by staff. Billing facts are still recorded, but do not change the license until it is lifted.
pub(super) fn suspend(draft: &mut Draft<'_>, by: &StaffAction) -> Result<Effect, Refusal> {
    draft.check_open()?;
    if let License::Suspended { cause: SuspensionCause::Staff, .. } = draft.terms().license {
        return Err(Refusal::AlreadySuspended);
    }
    let since = draft.cx.now;
    draft.set_license(License::Suspended { since, cause: SuspensionCause::Staff }, Restriction::Ai, Some(by));
    Ok(Effect::Suspended)
}

/// Lifts a suspension by staff. The license becomes what it would be without the suspension.
pub(super) fn lift_suspension(draft: &mut Draft<'_>, by: &StaffAction) -> Result<Effect, Refusal> {
    draft.check_open()?;
    let License::Suspended { cause: SuspensionCause::Staff, .. } = draft.terms().license else {
        return Err(Refusal::NotSuspended);
    };
    let (now, catalog) = (draft.cx.now, draft.cx.catalog);
    let standing = assess(draft.subscriptions(), draft.invoices(), catalog, now);
    let (license, off) = license_from_billing(&standing, now).stepped_down(&catalog.ladder, now);
    draft.set_license(license, off, Some(by));
    Ok(Effect::Lifted)
}

/// Returns the license that the subscriptions and invoices imply, before the ladder: active, grace or canceled.
fn license_from_billing(standing: &Standing<'_>, now: Instant) -> License {
    if let Some(ended_at) = standing.ended_at {
        return License::Canceled { since: ended_at.min(now) };
    }
    standing.overdue_since.filter(|since| *since <= now).map_or(License::Active, |since| License::Grace { since })
}

impl Draft<'_> {
    /// Decision 5: sets the license to the state that the subscriptions and invoices imply, unless staff suspended it.
    pub(super) fn update_license(&mut self, standing: &Standing<'_>) {
        let now = self.cx.now;
        match (self.terms().license, license_from_billing(standing, now)) {
            // Only staff can lift their suspension.
            (License::Suspended { cause: SuspensionCause::Staff, .. }, _) => {}
            // An invoice does not restore an ended subscription.
            (License::Canceled { .. }, License::Active | License::Grace { .. }) if standing.in_force.is_none() => {}
            (License::Active | License::Canceled { .. }, grace @ License::Grace { .. }) => {
                self.set_license(grace, Restriction::None, None);
                self.step_down();
            }
            // Another invoice may be the first overdue one now, or the same one failed earlier than was known.
            (_, license) => {
                let (license, off) = license.stepped_down(&self.cx.catalog.ladder, now);
                self.set_license(license, off, None);
            }
        }
    }

    /// Sets since when, or from when on, a payment is overdue.
    pub(super) fn set_overdue(&mut self, from: Option<Instant>) {
        if self.terms().overdue_from != from {
            self.terms_mut().overdue_from = from;
        }
    }

    /// Starts grace at the due date of a mailed invoice, even if it is booked later.
    pub(super) fn start_grace(&mut self) {
        let due = self.terms().overdue_from.filter(|from| *from <= self.cx.now && self.terms().closed_at.is_none());
        if let (License::Active, Some(since)) = (self.terms().license, due) {
            self.terms_mut().license = License::Grace { since };
            self.record_step(since, None);
        }
    }

    /// Decision 5: books the rungs of the ladder that have been reached, each at its own instant, even if it is booked
    /// later.
    pub(super) fn step_down(&mut self) {
        let (ladder, now) = (&self.cx.catalog.ladder, self.cx.now);
        for rung in ladder {
            let License::Grace { since } = self.terms().license else { return };
            let at = rung.at(since);
            if at > now {
                return;
            }
            if rung.off > self.terms().announced {
                self.terms_mut().announced = rung.off;
                if rung.off == Restriction::Ai {
                    self.terms_mut().license = License::Suspended { since: at, cause: SuspensionCause::NonPayment };
                }
                self.record_step(at, None);
            }
        }
    }

    /// Sets the license from now on, and records a step if it changes.
    fn set_license(&mut self, license: License, announced: Restriction, by: Option<&StaffAction>) {
        if (self.terms().license, self.terms().announced) != (license, announced) {
            let terms = self.terms_mut();
            (terms.license, terms.announced) = (license, announced);
            self.record_step(self.cx.now, by);
        }
    }

    fn record_step(&mut self, at: Instant, by: Option<&StaffAction>) {
        let (license, off) = (self.terms().license, self.terms().announced);
        self.changes.steps.push(LicenseStep { at, license, off, by: by.cloned() });
    }
}
