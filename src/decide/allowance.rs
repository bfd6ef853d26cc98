//! The allowance of the current billing period: raised for a larger plan, lowered if the period renewed as a smaller
//! one, and moved when billing periods change.

use super::{
    draft::{Draft, EntryDetails},
    grants::{self, NewGrant},
};
use crate::{
    billing::returns::ReturnedShare,
    command::Caller,
    ids::GrantId,
    ledger::{
        balance::Balance,
        entry::EntryKind,
        grant::{Grant, GrantPart, Source},
        tokens::Tokens,
    },
    names::TokenType,
};

impl Draft<'_> {
    /// Raises the allowances of the current period to the plan's, less what the period has already used and the share of
    /// its payment that went back. Does nothing while the period is not paid.
    pub(super) fn raise_allowances(&mut self, caller: Caller, returned: ReturnedShare) {
        for (token_type, allowance) in self.allowances() {
            self.raise_allowance(caller, &token_type, returned.rest_of(allowance));
        }
    }

    /// Lowers the allowances of the current period to the plan's, less the share of its payment that went back. Spent and
    /// held tokens stay spent and held. `why` is the entry's note.
    pub(super) fn lower_allowances(&mut self, returned: ReturnedShare, why: &str) {
        for (token_type, allowance) in self.plan_allowances() {
            let allowance = returned.rest_of(allowance);
            if let Some(grant) = self.current_allowance(&token_type).filter(|grant| grant.amount > allowance) {
                self.lower_allowance(&grant, allowance, why);
            }
        }
    }

    /// Returns the plan's allowances. Empty while the current period is not paid.
    fn allowances(&self) -> Vec<(TokenType, Tokens)> {
        let terms = self.terms();
        let start = terms.period_start.unwrap_or(self.cx.now);
        let is_paid = terms.grants_allowance(start, &self.cx.catalog.ladder);
        if is_paid { self.plan_allowances() } else { Vec::new() }
    }

    fn plan_allowances(&self) -> Vec<(TokenType, Tokens)> {
        let catalog = self.cx.catalog;
        let plan = catalog.plan(&self.terms().plan);
        let types = catalog.token_types.iter();
        plan.map(|plan| types.map(|spec| (spec.name.clone(), plan.allowance_of(&spec.name))).collect())
            .unwrap_or_default()
    }

    fn raise_allowance(&mut self, caller: Caller, token_type: &TokenType, allowance: Tokens) {
        let Some(grant) = self.current_allowance(token_type) else {
            if !allowance.is_zero() {
                let expires_at = Some(self.period().end);
                let new = NewGrant { token_type, amount: allowance, source: Source::Plan, expires_at };
                grants::create(self, new, EntryDetails::new(EntryKind::PlanChanged, caller, &[]));
            }
            return;
        };
        let before = self.balance(token_type);
        let gained = allowance.saturating_sub(grant.amount).min(before.room());
        if gained.is_zero() {
            return;
        }
        self.change_grant(grant.id, |grant| {
            grant.amount = allowance;
            grant.remaining = grant.remaining.plus(gained);
        });
        let after = Balance { settled: before.settled.plus(gained), ..before };
        let parts = [GrantPart { grant: grant.id, amount: gained }];
        let details =
            EntryDetails { source: Some(Source::Plan), ..EntryDetails::new(EntryKind::PlanChanged, caller, &parts) };
        self.append(token_type, after, details);
    }

    fn lower_allowance(&mut self, grant: &Grant, allowance: Tokens, why: &str) {
        let used = grant.amount.minus(grant.remaining);
        // What was used above the allowance stays part of the grant, so that a later upgrade does not grant it again.
        let amount = allowance.max(used.plus(grant.held));
        let taken = grant.amount.minus(amount);
        if taken.is_zero() {
            return;
        }
        self.change_grant(grant.id, |grant| {
            grant.amount = amount;
            grant.remaining = grant.remaining.minus(taken);
        });
        let before = self.balance(&grant.token_type);
        let after = Balance { settled: before.settled.minus(taken), ..before };
        let parts = [GrantPart { grant: grant.id, amount: taken }];
        let details = EntryDetails {
            source: Some(Source::Plan),
            note: Some(why),
            ..EntryDetails::new(EntryKind::PlanChanged, Caller::System, &parts)
        };
        self.append(&grant.token_type, after, details);
    }

    /// Ends the current period now and expires the free tokens of its allowances.
    pub(super) fn end_period(&mut self) {
        let now = self.cx.now;
        for id in self.current_allowances() {
            self.change_grant(id, |grant| grant.expires_at = Some(now));
            if self.grant(id).is_some_and(|grant| !grant.free().is_zero()) {
                self.expire_grant(id);
            }
        }
    }

    /// Moves the expiry of the current allowances to the end of the current period.
    pub(super) fn move_expiry(&mut self) {
        let end = self.period().end;
        for id in self.current_allowances() {
            self.change_grant(id, |grant| grant.expires_at = Some(end));
        }
    }

    fn current_allowance(&self, token_type: &TokenType) -> Option<Grant> {
        let ids = self.current_allowances();
        let grants = ids.into_iter().filter_map(|id| self.grant(id));
        grants.into_iter().find(|grant| grant.token_type == *token_type).cloned()
    }

    /// Returns the allowances of the current period.
    fn current_allowances(&self) -> Vec<GrantId> {
        let start = self.terms().period_start;
        let current = self.grants().filter(|grant| grant.source == Source::Plan && grant.period_start == start);
        current.map(|grant| grant.id).collect()
    }
}
