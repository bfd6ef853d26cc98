//! The license follows the money. Decision 5 lives here: when an invoice fails, AI steps down before the core product does; paying
//! restores everything at once.

use super::draft::Draft;
use crate::{
    dues::Dues,
    license::{License, Off, Step},
    receipt::Outcome,
    time::Instant,
};

/// Takes in what Stripe has told of invoices: what was paid gets its receipt. Where the license stands then depends on what is known and
/// on the time alone, not on the order in which it was told.
pub(super) fn bill(draft: &mut Draft<'_>, told: &Dues) -> Outcome {
    let mut dues = draft.dues().clone();
    dues.join(told);
    dues.number_receipts(draft.next_number());
    draft.changes.dues = Some(dues);
    judge(draft);
    Outcome::Billed
}

/// Brings the license to where the subscription and its invoices say it stands.
pub(super) fn judge(draft: &mut Draft<'_>) {
    let (now, license) = (draft.cx.now, draft.terms().license);
    let reading = draft.subscription();
    if let Some(ended_at) = reading.and_then(|reading| reading.ended_at) {
        draft.go_to(License::Canceled { since: ended_at.min(now) }, Off::Ai, now);
        return;
    }
    let live = reading.and_then(|reading| reading.live.as_ref());
    // A clock of Stripe's may be ahead of ours.
    let unpaid_since =
        draft.dues().unpaid_since(live.map(|subscription| subscription.id.as_str())).map(|since| since.min(now));
    match (license, unpaid_since) {
        // What has ended is not brought back by an invoice.
        (License::Canceled { .. }, _) if live.is_none() => {}
        (_, None) => draft.go_to(License::Active, Off::Nothing, now),
        (License::Active | License::Canceled { .. }, Some(since)) => {
            draft.go_to(License::Grace { since }, Off::Nothing, now);
            draft.step_down();
        }
        // Another invoice is the oldest now, or the same one failed earlier than was known.
        (License::Grace { .. } | License::Suspended { .. }, Some(since)) => {
            let (license, off) = License::unpaid(since, &draft.cx.catalog.ladder, now);
            draft.go_to(license, off, now);
        }
    }
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
                if rung.off == Off::Ai {
                    self.terms_mut().license = License::Suspended { since: at };
                }
                self.note_step(at);
            }
        }
    }

    /// Another state of the license, if it is another.
    fn go_to(&mut self, license: License, announced: Off, at: Instant) {
        if (self.terms().license, self.terms().announced) != (license, announced) {
            let terms = self.terms_mut();
            (terms.license, terms.announced) = (license, announced);
            self.note_step(at);
        }
    }

    fn note_step(&mut self, at: Instant) {
        let (license, off) = (self.terms().license, self.terms().announced);
        self.changes.steps.push(Step { at, license, off });
    }
}
