//! The balance of a token type for display: the allowance, packs and bonuses, and whether it runs low.

use crate::{
    catalog::{Catalog, TokenTypeSpec},
    ledger::{
        account::Account,
        balance::Balance,
        grant::{Grant, Source},
        tokens::Tokens,
    },
};

/// A balance is low below this percentage of [`Overview::full`].
const LOW_BALANCE_PERCENT: i64 = 10;

/// The balance of one token type, with its sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The balance.
    pub balance: Balance,
    /// The allowance of the current period; `None` if the plan has no allowance of this type.
    pub allowance: Option<Allowance>,
    /// The settled tokens besides the allowance: packs, promotions, refunds and corrections.
    pub packs: Tokens,
    /// The tokens of a full progress bar: the whole allowance plus `packs`, and at least the settled balance.
    pub full: Tokens,
    /// Whether less than 10 % of `full` is available.
    pub low: bool,
    /// The grants with tokens left, in burn-down order.
    pub grants: Vec<Grant>,
}

/// The allowance of the current period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The tokens granted for the period.
    pub granted: Tokens,
    /// The tokens not yet spent, held ones included.
    pub remaining: Tokens,
}

impl Overview {
    /// Returns the overview of one token type. `account` must be advanced to now.
    pub fn of(account: &Account, catalog: &Catalog, spec: &TokenTypeSpec) -> Self {
        let of_type = || account.grants.values().filter(|grant| grant.token_type == spec.name);
        let balance = account.balance(&spec.name);
        let current =
            of_type().find(|grant| grant.source == Source::Plan && grant.period_start == account.terms.period_start);
        let of_plan = catalog.plan(&account.terms.plan).map_or(Tokens::ZERO, |plan| plan.allowance_of(&spec.name));
        let (granted, remaining) = current.map_or((of_plan, Tokens::ZERO), |grant| (grant.amount, grant.remaining));
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
