//! The license follows the money. Decision 5 lives here: when an invoice fails, AI steps down before the core product does; paying
//! restores everything at once.

use chrono::TimeDelta;

use super::draft::Draft;
use crate::{
    dues::Dues,
    license::{License, Off, Step},
    receipt::Outcome,
    time::Instant,
};

/// Takes in what Stripe has told of invoices.
pub(super) fn bill(draft: &mut Draft<'_>, told: &Dues) -> Outcome {
    let mut dues = draft.dues().clone();
    dues.join(told);
    let (now, license) = (draft.cx.now, draft.terms().license);
    let to = match (license, dues.unpaid_since()) {
        // What has ended is not brought back by an invoice, nor is what stands still for one by hearing of another.
        (License::Canceled { .. }, _) | (License::Suspended { .. }, Some(_)) => license,
        (_, None) => License::Active,
        // A clock of Stripe's that is ahead of ours.
        (_, Some(since)) => License::Grace { since: since.min(now) },
    };
    draft.changes.dues = Some(dues);
    draft.go_to(to, now);
    draft.step_down();
    Outcome::Billed
}

impl Draft<'_> {
    /// Books the rungs of the ladder that time has reached, each as of its instant, whenever that is noticed.
    pub(super) fn step_down(&mut self) {
        let (ladder, now) = (&self.cx.catalog.ladder, self.cx.now);
        for rung in ladder {
            let License::Grace { since } = self.terms().license else { return };
            let at = since + TimeDelta::days(rung.day.into());
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
    fn go_to(&mut self, license: License, at: Instant) {
        if self.terms().license == license {
            return;
        }
        let terms = self.terms_mut();
        if license == License::Active {
            terms.announced = Off::Nothing;
        }
        terms.license = license;
        self.note_step(at);
    }

    fn note_step(&mut self, at: Instant) {
        let (license, off) = (self.terms().license, self.terms().announced);
        self.changes.steps.push(Step { at, license, off });
    }
}
