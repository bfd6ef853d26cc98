//! `/dashboard`: what is left.

use app::{
    backend::SignedIn,
    views::{AllowanceView, BalanceView, BalancesView, DashboardView, GrantView},
};
use brightmeter::{
    account::Account,
    catalog::{Catalog, TokenTypeSpec},
    overview::{Allowance, Overview},
};

use super::{Portal, PortalError, Wording, entry};
use crate::storage::entries::Filter;

/// How many of the newest entries are shown.
const RECENT: i64 = 8;

pub(super) async fn dashboard(portal: &Portal, who: &SignedIn) -> Result<DashboardView, PortalError> {
    let wording = Wording::new(portal, who);
    let (account, mut tx) = portal.reader.account(who.org, None).await?;
    let recent = entry::list(portal, &mut tx, who.org, &Filter::default(), RECENT, wording).await?;
    Ok(DashboardView { balances: view(&portal.reader.catalog, &account, wording), recent })
}

pub(super) async fn balances(portal: &Portal, who: &SignedIn) -> Result<BalancesView, PortalError> {
    let wording = Wording::new(portal, who);
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
    let overview = Overview::of(account, catalog, spec);
    let resets_at = account.terms.period(wording.now).end;
    let allowance = overview.allowance.map(|Allowance { granted, remaining }| AllowanceView {
        granted,
        remaining,
        resets_at: wording.when(resets_at),
    });
    let grants = overview.grants.into_iter().map(|grant| GrantView {
        source: grant.source.label().into(),
        amount: grant.amount,
        remaining: grant.remaining,
        expires_at: grant.expires_at.map(|at| wording.when(at)),
    });
    BalanceView {
        token_type: spec.name.to_string(),
        label: spec.label.clone(),
        available: overview.balance.available(),
        held: overview.balance.held,
        settled: overview.balance.settled,
        debt: overview.balance.debt,
        allowance,
        packs: overview.packs,
        full: overview.full,
        low: overview.low,
        grants: grants.collect(),
    }
}
