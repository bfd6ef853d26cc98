//! License changes: invoices, suspensions by staff, and the ladder.
//!
//! Decision 5: the license comes first. When a payment fails, AI steps down before the core product; paying restores
//! everything immediately. A suspension by staff overrides billing: no payment lifts it.

use super::draft::Draft;
use crate::{
    access::refusal::Refusal,
    billing::{
        invoices::Invoices,
        license::{License, LicenseStep, Restriction, StaffAction, SuspensionCause},
    },
    ledger::outcome::Effect,
    time::Instant,
};

/// Records invoice facts, numbers the receipts of paid invoices and updates the license. The result depends only on the
/// facts and the time, not on the order of arrival.
pub(super) fn record_invoices(draft: &mut Draft<'_>, facts: &Invoices) -> Effect {
    let mut invoices = draft.invoices().clone();
    invoices.join(facts);
    invoices.number_receipts(draft.next_receipt_number());
    draft.changes.invoices = Some(invoices);
    update(draft);
    Effect::InvoicesRecorded
}

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
    let (license, off) = license_from_billing(draft).stepped_down(&draft.cx.catalog.ladder, draft.cx.now);
    draft.set_license(license, off, Some(by));
    Ok(Effect::Lifted)
}

/// Decision 5: sets the license to the state that the subscription and its invoices imply, unless staff suspended it.
pub(super) fn update(draft: &mut Draft<'_>) {
    let is_live = draft.subscription().is_some_and(|snapshot| snapshot.live.is_some());
    match (draft.terms().license, license_from_billing(draft)) {
        // Only staff can lift their suspension.
        (License::Suspended { cause: SuspensionCause::Staff, .. }, _) => {}
        // An invoice does not restore an ended subscription.
        (License::Canceled { .. }, License::Active | License::Grace { .. }) if !is_live => {}
        (License::Active | License::Canceled { .. }, grace @ License::Grace { .. }) => {
            draft.set_license(grace, Restriction::None, None);
            draft.step_down();
        }
        // Another invoice may be the oldest unpaid one now, or the same one failed earlier than was known.
        (_, license) => {
            let (license, off) = license.stepped_down(&draft.cx.catalog.ladder, draft.cx.now);
            draft.set_license(license, off, None);
        }
    }
}

/// Returns the license that the subscription and its invoices imply, before the ladder: active, grace or canceled.
fn license_from_billing(draft: &Draft<'_>) -> License {
    let now = draft.cx.now;
    let snapshot = draft.subscription();
    if let Some(ended_at) = snapshot.and_then(|snapshot| snapshot.ended_at) {
        return License::Canceled { since: ended_at.min(now) };
    }
    let live = snapshot.and_then(|snapshot| snapshot.live.as_ref());
    // Stripe's clock may be ahead of ours.
    let unpaid_since =
        draft.invoices().unpaid_since(live.map(|subscription| subscription.id.as_str())).map(|since| since.min(now));
    unpaid_since.map_or(License::Active, |since| License::Grace { since })
}

impl Draft<'_> {
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
