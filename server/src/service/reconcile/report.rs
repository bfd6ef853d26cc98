//! The result of a reconciliation.

use brightmeter::ids::{OrgId, PurchaseId};
use serde::{Deserialize, Serialize};

use super::Difference;

/// The result of a reconciliation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The number of purchases compared.
    pub purchases: usize,
    /// The number of organizations whose plan was compared.
    pub plans: usize,
    /// How many of them could not be compared because Stripe did not answer.
    pub unanswered: usize,
    /// The number of differences fixed.
    pub fixed: usize,
    /// The differences found, in the order of [`Position`].
    pub findings: Vec<Finding>,
    /// Where to continue. `None` at the end.
    pub next: Option<Position>,
}

/// A purchase or a plan that differs from Stripe's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The organization.
    pub org: OrgId,
    /// The purchase. `None` if the plan differs.
    pub purchase: Option<PurchaseId>,
    /// The kind of difference.
    pub kind: Difference,
    /// Whether the difference has been fixed.
    pub fixed: bool,
}

impl Finding {
    /// Whether applying Stripe's state would fix it now.
    pub const fn is_fixable(&self) -> bool {
        !self.fixed && self.kind.is_fixable()
    }
}

/// The last plan or purchase compared. Organizations are compared in the order of their ids, each with its plan first,
/// then its purchases in the order of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The organization.
    pub org: OrgId,
    /// The purchase. `None` if only the plan was compared.
    pub purchase: Option<PurchaseId>,
}

/// The comparison of one plan or purchase.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) position: Position,
    /// False if there was nothing to compare: the organization has no Stripe customer.
    pub(super) counts: bool,
    /// Whether Stripe answered.
    pub(super) answered: bool,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// Whether Stripe answered nothing at all.
    pub const fn is_unanswered(&self) -> bool {
        self.unanswered > 0 && self.unanswered == self.purchases + self.plans
    }

    /// Whether every difference has been fixed.
    pub fn is_resolved(&self) -> bool {
        self.findings.iter().all(|finding| finding.fixed)
    }

    /// Whether `compared` would exceed the number of findings in one report.
    pub(super) fn has_room_for(&self, compared: &Compared, limit: usize) -> bool {
        self.findings.len() + compared.findings.len() <= limit
    }

    pub(super) fn add(&mut self, compared: Compared) {
        let Compared { position, counts, answered, findings } = compared;
        let number = if position.purchase.is_some() { &mut self.purchases } else { &mut self.plans };
        *number += usize::from(counts);
        self.unanswered += usize::from(!answered);
        self.fixed += findings.iter().filter(|finding| finding.fixed).count();
        self.findings.extend(findings);
    }

    /// Takes the findings that remain on the page when the comparison continues: those that are not fixed. A page with
    /// `limit` of them is full; the next one starts empty.
    pub(in crate::service) fn take_remaining(&mut self, limit: usize) -> Vec<Finding> {
        let mut remaining = std::mem::take(&mut self.findings);
        remaining.retain(|finding| !finding.fixed);
        if remaining.len() < limit { remaining } else { Vec::new() }
    }

    /// Joins this report and its continuation.
    #[must_use]
    pub(in crate::service) fn join(self, mut continued: Self) -> Self {
        let mut findings = self.findings;
        findings.append(&mut continued.findings);
        Self {
            purchases: self.purchases.saturating_add(continued.purchases),
            plans: self.plans.saturating_add(continued.plans),
            unanswered: self.unanswered.saturating_add(continued.unanswered),
            fixed: self.fixed.saturating_add(continued.fixed),
            findings,
            next: continued.next,
        }
    }
}
