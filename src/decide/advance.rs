//! What time brings: holds and grants that lapse, and a new period. Decision 2 lives here: the allowance resets monthly and
//! does not roll over; packs are not touched.

use super::{
    draft::{Draft, Line},
    grants::{self, NewGrant},
    holds,
};
use crate::{
    command::Caller,
    ids::GrantId,
    ledger::{
        account::Balance,
        entry::EntryKind,
        grant::{Part, Source},
        hold::Hold,
    },
    time::Instant,
};

enum Due {
    Hold(Hold),
    Grant(GrantId),
}

impl Draft<'_> {
    /// Books what lapsed up to now, in the order in which it lapsed, then the new period. So the outcome does not depend on
    /// when somebody looks.
    pub(crate) fn advance(&mut self) {
        while let Some(due) = self.next_due() {
            match due {
                Due::Hold(hold) => holds::expire(self, &hold),
                Due::Grant(id) => self.expire_grant(id),
            }
        }
        self.reset();
        self.step_down();
    }

    fn next_due(&self) -> Option<Due> {
        let now = self.cx.now;
        let open = self.holds_before().filter_map(|hold| self.hold(hold.id)).filter(|hold| hold.is_open());
        let holds = open.filter(|hold| hold.expires_at <= now);
        let grants = self.grants().filter(|grant| grant.has_expired(now) && !grant.free().is_zero());
        // Of two at the same instant the hold goes first: what it returns then lapses with its grant or is stood in for.
        let holds = holds.map(|hold| ((hold.expires_at, 0, hold.id.0), Due::Hold(hold.clone())));
        let grants = grants.filter_map(|grant| Some(((grant.expires_at?, 1, grant.id.0), Due::Grant(grant.id))));
        let first: Option<((Instant, u8, uuid::Uuid), Due)> = holds.chain(grants).min_by_key(|(order, _)| *order);
        first.map(|(_, due)| due)
    }

    /// What is free of the grant lapses; what an open hold reserves of it stays until that ends.
    pub(super) fn expire_grant(&mut self, id: GrantId) {
        let Some(grant) = self.grant(id).cloned() else { return };
        let lapsed = grant.free();
        self.change_grant(id, |grant| grant.remaining = grant.held);
        let before = self.balance(&grant.token_type);
        let after = Balance { settled: before.settled.saturating_sub(lapsed), ..before };
        let parts = [Part { grant: id, amount: lapsed }];
        let line = Line { source: Some(grant.source), ..Line::new(EntryKind::Expired, Caller::System, &parts) };
        self.append(&grant.token_type, after, line);
    }

    /// Starts the current period if it is newer than the last one that was started: a clock that jumps back starts none
    /// twice, and periods that nobody looked at are skipped.
    pub(super) fn reset(&mut self) {
        let period = self.period();
        if self.terms().closed_at.is_some() || self.terms().period_start.is_some_and(|start| start >= period.start) {
            return;
        }
        let terms = self.terms_mut();
        terms.period_start = Some(period.start);
        if let Some(plan) = terms.next_plan.take() {
            terms.plan = plan;
        }
        let Some(plan) = self.cx.catalog.plan(&self.terms().plan) else { return };
        for spec in &self.cx.catalog.token_types {
            let amount = plan.allowance_of(&spec.name);
            if !amount.is_zero() {
                let grant =
                    NewGrant { token_type: &spec.name, amount, source: Source::Plan, expires_at: Some(period.end) };
                grants::make(self, grant, Line::new(EntryKind::Granted, Caller::System, &[]));
            }
        }
    }
}
