//! The license follows the money. Decision 5 lives here: when an invoice fails, AI steps down before the core product does; paying
//! restores everything at once. Staff come first: what they have suspended, no payment brings back.

use super::draft::Draft;
use crate::{
    access::refusal::Refusal,
    billing::{
        invoices::Invoices,
        license::{License, LicenseStep, Restriction, StaffAction},
    },
    ledger::outcome::Effect,
    time::Instant,
};

/// Takes in what Stripe has told of invoices: what was paid gets its receipt. Where the license stands then depends on what is known and
/// on the time alone, not on the order in which it was told.
pub(super) fn bill(draft: &mut Draft<'_>, facts: &Invoices) -> Effect {
    let mut invoices = draft.invoices().clone();
    invoices.join(facts);
    invoices.number_receipts(draft.next_number());
    draft.changes.invoices = Some(invoices);
    judge(draft);
    Effect::InvoicesRecorded
}

/// Suspends the license by staff. What is told of the money from then on is known, and changes nothing.
pub(super) fn suspend(draft: &mut Draft<'_>, by: &StaffAction) -> Result<Effect, Refusal> {
    draft.check_open()?;
    if let License::Stopped { .. } = draft.terms().license {
        return Err(Refusal::AlreadySuspended);
    }
    let since = draft.cx.now;
    draft.go_to(License::Stopped { since }, Restriction::Ai, Some(by));
    Ok(Effect::Suspended)
}

/// Lifts that: the license stands at once where it would if staff had never suspended it.
pub(super) fn lift(draft: &mut Draft<'_>, by: &StaffAction) -> Result<Effect, Refusal> {
    draft.check_open()?;
    let License::Stopped { .. } = draft.terms().license else { return Err(Refusal::NotSuspended) };
    let (license, off) = by_money(draft).stepped_down(&draft.cx.catalog.ladder, draft.cx.now);
    draft.go_to(license, off, Some(by));
    Ok(Effect::Lifted)
}

/// Brings the license to where the subscription and its invoices say it stands, unless staff have suspended it.
pub(super) fn judge(draft: &mut Draft<'_>) {
    let runs = draft.subscription().is_some_and(|snapshot| snapshot.live.is_some());
    match (draft.terms().license, by_money(draft)) {
        // Only staff lift what staff have suspended.
        (License::Stopped { .. }, _) => {}
        // What has ended is not brought back by an invoice.
        (License::Canceled { .. }, License::Active | License::Grace { .. }) if !runs => {}
        (License::Active | License::Canceled { .. }, grace @ License::Grace { .. }) => {
            draft.go_to(grace, Restriction::None, None);
            draft.step_down();
        }
        // Another invoice may be the oldest now, or the same one failed earlier than was known.
        (_, license) => {
            let (license, off) = license.stepped_down(&draft.cx.catalog.ladder, draft.cx.now);
            draft.go_to(license, off, None);
        }
    }
}

/// Where the subscription and its invoices say the license stands, before any rung of the ladder: active, in grace or canceled.
fn by_money(draft: &Draft<'_>) -> License {
    let now = draft.cx.now;
    let snapshot = draft.subscription();
    if let Some(ended_at) = snapshot.and_then(|snapshot| snapshot.ended_at) {
        return License::Canceled { since: ended_at.min(now) };
    }
    let live = snapshot.and_then(|snapshot| snapshot.live.as_ref());
    // A clock of Stripe's may be ahead of ours.
    let unpaid_since =
        draft.invoices().unpaid_since(live.map(|subscription| subscription.id.as_str())).map(|since| since.min(now));
    unpaid_since.map_or(License::Active, |since| License::Grace { since })
}

impl Draft<'_> {
    /// Books the rungs of the ladder that time has reached, each as of its instant, whenever that is noticed.
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
                    self.terms_mut().license = License::Suspended { since: at };
                }
                self.note_step(at, None);
            }
        }
    }

    /// Another state of the license from now on, if it is another.
    fn go_to(&mut self, license: License, announced: Restriction, by: Option<&StaffAction>) {
        if (self.terms().license, self.terms().announced) != (license, announced) {
            let terms = self.terms_mut();
            (terms.license, terms.announced) = (license, announced);
            self.note_step(self.cx.now, by);
        }
    }

    fn note_step(&mut self, at: Instant, by: Option<&StaffAction>) {
        let (license, off) = (self.terms().license, self.terms().announced);
        self.changes.steps.push(LicenseStep { at, license, off, by: by.cloned() });
    }
}
