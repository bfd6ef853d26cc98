//! `/dashboard`: what is left.

use app::{
    backend::SignedIn,
    views::{AllowanceView, BalanceView, BalancesView, DashboardView, GrantView},
};
use brightmeter::{
    account::Account,
    catalog::{Catalog, TokenTypeSpec},
    grant::{Grant, Source},
    tokens::Tokens,
};

use super::{Portal, PortalError, Wording, entry, viewer::viewer};
use crate::storage::entries::Filter;

/// How many of the newest entries are shown.
const RECENT: i64 = 8;

pub(super) async fn dashboard(portal: &Portal, who: SignedIn) -> Result<DashboardView, PortalError> {
    let (viewer, wording) = viewer(portal, who).await?;
    let (account, mut tx) = portal.reader.account(who.org, None).await?;
    let recent = entry::list(portal, &mut tx, who.org, &Filter::default(), RECENT, wording).await?;
    Ok(DashboardView { viewer, balances: view(&portal.reader.catalog, &account, wording), recent })
}

pub(super) async fn balances(portal: &Portal, who: SignedIn) -> Result<BalancesView, PortalError> {
    let (_, wording) = viewer(portal, who).await?;
    let (account, _) = portal.reader.account(who.org, None).await?;
    Ok(view(&portal.reader.catalog, &account, wording))
}

fn view(catalog: &Catalog, account: &Account, wording: Wording) -> BalancesView {
    let types: Vec<BalanceView> =
        catalog.token_types.iter().map(|spec| balance(catalog, account, spec, wording)).collect();
    let smallest = catalog.plan_rank(&account.terms.plan) == 0;
    let upgrade = if smallest {
        Some("AI features are part of the paid plans.".into())
    } else {
        types.iter().find(|view| view.low).map(|view| format!("You are running low on {}.", view.label))
    };
    BalancesView { types, read_at: wording.when(wording.now), upgrade }
}

fn balance(catalog: &Catalog, account: &Account, spec: &TokenTypeSpec, wording: Wording) -> BalanceView {
    let balance = account.balance(&spec.name);
    let mut grants: Vec<&Grant> =
        account.grants.values().filter(|grant| grant.token_type == spec.name && !grant.remaining.is_zero()).collect();
    grants.sort_by_cached_key(|grant| grant.burn_order());
    let is_current = |grant: &&Grant| {
        grant.source == Source::Plan
            && grant.token_type == spec.name
            && grant.period_start == account.terms.period_start
    };
    let period = account.terms.period(wording.now);
    let promised = catalog.plan(&account.terms.plan).map_or(Tokens::ZERO, |plan| plan.allowance_of(&spec.name));
    let current = account.grants.values().find(is_current);
    let (granted, remaining) = current.map_or((promised, Tokens::ZERO), |grant| (grant.amount, grant.remaining));
    let allowance =
        (!granted.is_zero()).then(|| AllowanceView { granted, remaining, resets_at: wording.when(period.end) });
    let packs = balance.settled.saturating_sub(remaining);
    let full = granted.saturating_add(packs).max(balance.settled);
    let available = balance.available();
    BalanceView {
        token_type: spec.name.to_string(),
        label: spec.label.clone(),
        available,
        held: balance.held,
        settled: balance.settled,
        debt: balance.debt,
        allowance,
        packs,
        full,
        low: !full.is_zero() && available.get() * 10 < full.get(),
        grants: grants
            .into_iter()
            .map(|grant| GrantView {
                source: grant.source.label().into(),
                amount: grant.amount,
                remaining: grant.remaining,
                expires_at: grant.expires_at.map(|at| wording.when(at)),
            })
            .collect(),
    }
}
