//! The violations of one organization, at most [`MAX_FINDINGS`] of them: a damaged table must not fill the memory.

use brightmeter::ledger::audit::Violation;

/// The number of violations of one organization that are kept.
const MAX_FINDINGS: usize = 1_000;

/// A bounded list of violations.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings(Vec<Violation>);

impl Findings {
    /// Adds a violation. One past the limit is dropped: the list shows the problem, and the audit fails anyway.
    pub(super) fn push(&mut self, violation: Violation) {
        if self.0.len() < MAX_FINDINGS {
            self.0.push(violation);
        }
    }

    /// Adds a violation of `invariant` for each line.
    pub(super) fn extend(&mut self, invariant: &'static str, lines: impl IntoIterator<Item = String>) {
        lines.into_iter().for_each(|line| self.push(Violation::new(invariant, line)));
    }

    /// Whether every check has passed.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the violations.
    pub(super) fn into_vec(self) -> Vec<Violation> {
        self.0
    }
}
