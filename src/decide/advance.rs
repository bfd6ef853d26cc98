//! Booking of everything due: expired holds and grants, the reset, steps down the ladder.
//!
//! Decision 2: the allowance resets monthly and does not roll over. Packs survive the reset.

use super::{
    draft::{Draft, EntryDetails},
    grants::{self, NewGrant},
    holds,
};
use crate::{
    command::Caller,
    ids::GrantId,
    ledger::{
        balance::Balance,
        entry::EntryKind,
        grant::{GrantPart, Source},
        hold::Hold,
    },
    time::Instant,
};

enum Due {
    Hold(Hold),
    Grant(GrantId),
}

impl Draft<'_> {
    /// Books everything due: expired holds and grants in order of expiry, then the next plan, the reset, and license
    /// steps. So the result does not depend on when or how often the account is advanced.
    pub(crate) fn advance(&mut self) {
        while let Some(due) = self.next_due() {
            match due {
                Due::Hold(hold) => holds::expire(self, &hold),
                Due::Grant(id) => self.expire_grant(id),
            }
        }
        self.start_next_plan();
        self.reset();
        self.start_grace();
        self.step_down();
    }

    /// Starts the next plan if its time has come. A larger one starts only when Stripe reports it.
    fn start_next_plan(&mut self) {
        let next = self.terms().next_plan.clone().filter(|next| next.from <= self.cx.now);
        let Some(next) = next.filter(|_| self.terms().closed_at.is_none()) else { return };
        let rank = |plan| self.cx.catalog.plan_rank(plan);
        let is_smaller = rank(&next.plan) < rank(&self.terms().plan);
        let terms = self.terms_mut();
        terms.next_plan = None;
        if is_smaller {
            terms.plan = next.plan;
        }
    }

    fn next_due(&self) -> Option<Due> {
        let now = self.cx.now;
        let open = self.holds_before().filter_map(|hold| self.hold(hold.id)).filter(|hold| hold.is_open());
        let holds = open.filter(|hold| hold.expires_at <= now);
        let grants = self.grants().filter(|grant| grant.has_expired(now) && !grant.free().is_zero());
        // At the same instant the hold goes first: its tokens return before the grant expires, or get a replacement
        // grant.
        let holds = holds.map(|hold| ((hold.expires_at, 0, hold.id.0), Due::Hold(hold.clone())));
        let grants = grants.filter_map(|grant| Some(((grant.expires_at?, 1, grant.id.0), Due::Grant(grant.id))));
        let first: Option<((Instant, u8, uuid::Uuid), Due)> = holds.chain(grants).min_by_key(|(order, _)| *order);
        first.map(|(_, due)| due)
    }

    /// Expires the free tokens of a grant. Tokens reserved by open holds stay until the hold ends.
    pub(super) fn expire_grant(&mut self, id: GrantId) {
        let Some(grant) = self.grant(id).cloned() else { return };
        let expired = grant.free();
        self.change_grant(id, |grant| grant.remaining = grant.held);
        let before = self.balance(&grant.token_type);
        let after = Balance { settled: before.settled.minus(expired), ..before };
        let parts = [GrantPart { grant: id, amount: expired }];
        let details = EntryDetails {
            source: Some(grant.source),
            ..EntryDetails::new(EntryKind::Expired, Caller::System, &parts)
        };
        self.append(&grant.token_type, after, details);
    }

    /// Decision 2: starts the current period, with a new allowance if it is paid.
    ///
    /// Only a period newer than the last one is started, so a clock that jumps back never grants an allowance twice.
    /// Missed periods are skipped.
    pub(super) fn reset(&mut self) {
        let period = self.period();
        if self.terms().closed_at.is_some() || self.terms().period_start.is_some_and(|start| start >= period.start) {
            return;
        }
        self.terms_mut().period_start = Some(period.start);
        if !self.terms().grants_allowance(period.start, &self.cx.catalog.ladder) {
            return;
        }
        let Some(plan) = self.cx.catalog.plan(&self.terms().plan) else { return };
        for spec in &self.cx.catalog.token_types {
            let amount = plan.allowance_of(&spec.name);
            if !amount.is_zero() {
                let grant =
                    NewGrant { token_type: &spec.name, amount, source: Source::Plan, expires_at: Some(period.end) };
                grants::create(self, grant, EntryDetails::new(EntryKind::Granted, Caller::System, &[]));
            }
        }
    }
}
