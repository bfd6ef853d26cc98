//! `/dashboard`: what is left.

use app::{
    backend::SignedIn,
    views::{AllowanceView, BalanceView, BalancesView, DashboardView, GrantView, LastsView, UseView},
};
use brightmeter::{
    catalog::{Catalog, TokenTypeSpec},
    ids::OrgId,
    insight::runway::{PACE_DAYS, Runway},
    ledger::{
        account::Account,
        overview::{Allowance, Overview},
        tokens::Tokens,
    },
};

use chrono::{Days, NaiveDate};
use sqlx::PgConnection;

use super::{AppBackend, BackendError, Wording, entry};
use crate::storage::{
    account_reads::{AccountRead, Requester},
    daily::{self, DayUse},
    entries::Filter,
};

/// How many days of use are shown.
const USAGE_DAYS: u32 = 30;
/// How many of the newest entries are shown.
const MAX_RECENT_ENTRIES: i64 = 8;

pub(super) async fn dashboard(backend: &AppBackend, who: &SignedIn) -> Result<DashboardView, BackendError> {
    let wording = Wording::new(backend, who);
    let (AccountRead { account, .. }, mut tx) = backend.reader.open(who.org, &Requester::default()).await?;
    let used = list_use(&mut tx, who.org, wording).await?;
    let names = entry::Names::load(&mut tx, who.org).await?;
    let recent =
        entry::list(backend, &mut tx, who.org, &Filter::default(), MAX_RECENT_ENTRIES, &names, wording).await?;
    let catalog = &backend.reader.catalog;
    let by_day = catalog.token_types.iter().filter_map(|spec| use_by_day(spec, &used, wording));
    Ok(DashboardView { balances: view(catalog, &account, &used, wording), used: by_day.collect(), recent })
}

pub(super) async fn balances(backend: &AppBackend, who: &SignedIn) -> Result<BalancesView, BackendError> {
    let wording = Wording::new(backend, who);
    let (AccountRead { account, .. }, mut tx) = backend.reader.open(who.org, &Requester::default()).await?;
    let used = list_use(&mut tx, who.org, wording).await?;
    Ok(view(&backend.reader.catalog, &account, &used, wording))
}

/// What was used in the days that are shown.
pub(super) async fn list_use(
    conn: &mut PgConnection,
    org: OrgId,
    wording: Wording,
) -> Result<Vec<DayUse>, BackendError> {
    Ok(daily::list(conn, org, days_before(wording, USAGE_DAYS - 1)).await?)
}

/// The day in UTC that many days ago, as days are counted in the books.
fn days_before(wording: Wording, days: u32) -> NaiveDate {
    wording.now.date_naive().checked_sub_days(Days::new(days.into())).unwrap_or_default()
}

/// Every day's use of one token type; nothing if there was none.
fn use_by_day(spec: &TokenTypeSpec, used: &[DayUse], wording: Wording) -> Option<UseView> {
    let days: Vec<(String, i64)> = (0..USAGE_DAYS)
        .rev()
        .map(|ago| {
            let day = days_before(wording, ago);
            let of_day = used.iter().filter(|used| used.day == day && spec.name.as_str() == used.token_type);
            (day.format("%-d %B").to_string(), of_day.map(|used| used.tokens).sum())
        })
        .collect();
    let total: i64 = days.iter().map(|(_, tokens)| tokens).sum();
    (total > 0).then(|| UseView { label: spec.label.clone(), total, days })
}

/// How long what is available lasts at the present pace.
fn lasts(
    available: Tokens,
    spec: &TokenTypeSpec,
    used: &[DayUse],
    account: &Account,
    wording: Wording,
) -> Option<LastsView> {
    let since = days_before(wording, PACE_DAYS - 1);
    let of_pace = used.iter().filter(|used| used.day >= since && spec.name.as_str() == used.token_type);
    let pace = Tokens::new(of_pace.map(|used| used.tokens).sum()).ok()?;
    let reset = account.terms.period(wording.now).end;
    Runway::of(available, pace, reset, wording.now).map(|runway| match runway {
        Runway::Until(at) => LastsView::Until(wording.when(at)),
        Runway::PastReset => LastsView::PastReset,
    })
}

fn view(catalog: &Catalog, account: &Account, used: &[DayUse], wording: Wording) -> BalancesView {
    let types: Vec<BalanceView> =
        catalog.token_types.iter().map(|spec| balance(catalog, account, spec, used, wording)).collect();
    let smallest = catalog.plan_rank(&account.terms.plan) == 0;
    let upgrade = if smallest {
        Some("AI features are part of the paid plans.".into())
    } else {
        types.iter().find(|view| view.low).map(|view| format!("You are running low on {}.", view.label))
    };
    BalancesView { types, read_at: wording.when(wording.now), upgrade }
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
        lasts: lasts(overview.balance.available(), spec, used, account, wording),
        allowance,
        packs: overview.packs,
        full: overview.full,
        low: overview.low,
        grants: grants.collect(),
    }
}
