//! What is left of a token type, as people are shown it: the allowance, what lies beside it, and whether that is little.

use crate::{
    catalog::{Catalog, TokenTypeSpec},
    ledger::{
        account::{Account, Balance},
        grant::{Grant, Source},
        tokens::Tokens,
    },
};

/// Below which part of what there was a type runs low: a tenth.
const LOW_BALANCE_PERCENT: i64 = 10;

/// One token type of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The balance.
    pub balance: Balance,
    /// The allowance of the running period; nothing if the plan has none.
    pub allowance: Option<Allowance>,
    /// What is settled besides the allowance: packs, promotions, what was returned or added.
    pub packs: Tokens,
    /// What a full bar stands for: the whole allowance and all that lies beside it.
    pub full: Tokens,
    /// Whether less than a tenth of that is available.
    pub low: bool,
    /// The grants with tokens left, in burn-down order.
    pub grants: Vec<Grant>,
}

/// The allowance of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// What the period brought.
    pub granted: Tokens,
    /// What is left of it.
    pub remaining: Tokens,
}

impl Overview {
    /// The overview of one token type of `account`, which is advanced to now.
    pub fn of(account: &Account, catalog: &Catalog, spec: &TokenTypeSpec) -> Self {
        let of_type = || account.grants.values().filter(|grant| grant.token_type == spec.name);
        let balance = account.balance(&spec.name);
        let current =
            of_type().find(|grant| grant.source == Source::Plan && grant.period_start == account.terms.period_start);
        let promised = catalog.plan(&account.terms.plan).map_or(Tokens::ZERO, |plan| plan.allowance_of(&spec.name));
        let (granted, remaining) = current.map_or((promised, Tokens::ZERO), |grant| (grant.amount, grant.remaining));
        let packs = balance.settled.saturating_sub(remaining);
        let full = granted.saturating_add(packs).max(balance.settled);
        let mut grants: Vec<Grant> = of_type().filter(|grant| !grant.remaining.is_zero()).cloned().collect();
        grants.sort_by_cached_key(Grant::burn_order);
        Self {
            balance,
            allowance: (!granted.is_zero()).then_some(Allowance { granted, remaining }),
            packs,
            full,
            low: !full.is_zero() && balance.available().get().saturating_mul(LOW_BALANCE_PERCENT) < full.get(),
            grants,
        }
    }
}
