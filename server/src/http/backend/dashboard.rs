//! `/dashboard`: balances, usage and recent entries.

use app::{
    backend::SignedIn,
    views::{AllowanceView, BalanceView, BalancesView, DashboardView, GrantView, LastsView, UseView},
};
use brightmeter::{
    catalog::{Catalog, TokenTypeSpec},
    insight::runway::{PACE_DAYS, Runway},
    ledger::{
        account::Account,
        overview::{Allowance, Overview},
        tokens::Tokens,
    },
};

use super::{AppBackend, BackendError, Wording, entry};
use crate::service::{
    account_reader::{AccountRead, Requester},
    org_reads::{DayUse, Filter, OrgReads},
};

/// The number of days in the usage chart.
const USAGE_DAYS: u32 = 30;
/// The number of recent entries shown.
const MAX_RECENT_ENTRIES: i64 = 8;

pub(super) async fn dashboard(backend: &AppBackend, who: &SignedIn) -> Result<DashboardView, BackendError> {
    let wording = Wording::new(backend, who);
    let (AccountRead { account, .. }, mut reads) = backend.reader.open(who.org, &Requester::default()).await?;
    let used = list_usage(&mut reads, wording).await?;
    let names = entry::Names::load(&mut reads).await?;
    let recent = entry::list(backend, &mut reads, &Filter::default(), MAX_RECENT_ENTRIES, &names, wording).await?;
    let catalog = &backend.reader.catalog;
    let by_day = catalog.token_types.iter().filter_map(|spec| usage_by_day(spec, &used, wording));
    Ok(DashboardView { balances: view(catalog, &account, &used, wording), used: by_day.collect(), recent })
}

pub(super) async fn balances(backend: &AppBackend, who: &SignedIn) -> Result<BalancesView, BackendError> {
    let wording = Wording::new(backend, who);
    let (AccountRead { account, .. }, mut reads) = backend.reader.open(who.org, &Requester::default()).await?;
    let used = list_usage(&mut reads, wording).await?;
    Ok(view(&backend.reader.catalog, &account, &used, wording))
}

/// Lists the usage of the last [`USAGE_DAYS`].
pub(super) async fn list_usage(reads: &mut OrgReads, wording: Wording) -> Result<Vec<DayUse>, BackendError> {
    Ok(reads.daily_usage(wording.zone.days_before(wording.now, USAGE_DAYS - 1)).await?)
}

/// Returns the daily usage of a token type, or `None` if it wasn't used.
fn usage_by_day(spec: &TokenTypeSpec, used: &[DayUse], wording: Wording) -> Option<UseView> {
    let days: Vec<(String, i64)> = (0..USAGE_DAYS)
        .rev()
        .map(|ago| {
            let day = wording.zone.days_before(wording.now, ago);
            let of_day = used.iter().filter(|used| used.day == day && spec.name.as_str() == used.token_type);
            (day.format("%-d %B").to_string(), of_day.map(|used| used.tokens).sum())
        })
        .collect();
    let total: i64 = days.iter().map(|(_, tokens)| tokens).sum();
    (total > 0).then(|| UseView { label: spec.label.clone(), total, days })
}

/// Returns how long the available tokens last at the current pace.
fn runway(
    available: Tokens,
    spec: &TokenTypeSpec,
    used: &[DayUse],
    account: &Account,
    wording: Wording,
) -> Option<LastsView> {
    let since = wording.zone.days_before(wording.now, PACE_DAYS - 1);
    let of_pace = used.iter().filter(|used| used.day >= since && spec.name.as_str() == used.token_type);
    let pace = Tokens::new(of_pace.map(|used| used.tokens).sum()).ok()?;
    let reset = account.terms.period(wording.now).end;
    Runway::of(available, pace, reset, wording.now).map(|runway| match runway {
        Runway::ExhaustedAt(at) => LastsView::Until(wording.local_time(at)),
        Runway::LastsPastReset => LastsView::PastReset,
    })
}

fn view(catalog: &Catalog, account: &Account, used: &[DayUse], wording: Wording) -> BalancesView {
    let types: Vec<BalanceView> =
        catalog.token_types.iter().map(|spec| balance(catalog, account, spec, used, wording)).collect();
    let smallest = catalog.plan_rank(&account.terms.plan) == 0;
    let upgrade = if smallest {
        Some("AI features come with a paid plan.".into())
    } else {
        types.iter().find(|view| view.low).map(|view| format!("You're running low on {}.", view.label))
    };
    BalancesView { types, read_at: wording.local_time(wording.now), upgrade }
}

fn balance(
    catalog: &Catalog,
    account: &Account,
    spec: &TokenTypeSpec,
    used: &[DayUse],
    wording: Wording,
) -> BalanceView {
    let overview = Overview::of(account, catalog, spec);
    let resets_at = account.terms.period(wording.now).end;
    let allowance = overview.allowance.map(|Allowance { granted, remaining }| AllowanceView {
        granted,
        remaining,
        resets_at: wording.local_time(resets_at),
    });
    let grants = overview.grants.into_iter().map(|grant| GrantView {
        source: grant.source.label().into(),
        amount: grant.amount,
        remaining: grant.remaining,
        expires_at: grant.expires_at.map(|at| wording.local_time(at)),
    });
    BalanceView {
        token_type: spec.name.to_string(),
        label: spec.label.clone(),
        available: overview.balance.available(),
        held: overview.balance.held,
        settled: overview.balance.settled,
        debt: overview.balance.debt,
        lasts: runway(overview.balance.available(), spec, used, account, wording),
        allowance,
        packs: overview.packs,
        full: overview.full,
        low: overview.low,
        grants: grants.collect(),
    }
}
