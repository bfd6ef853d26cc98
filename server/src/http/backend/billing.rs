//! `/billing`: the plans and packs.

use std::collections::BTreeMap;

use app::{
    backend::SignedIn,
    views::{AdviceView, AmountView, BillingView, FeatureView, PackView, PlanView},
};
use brightmeter::{
    billing::plan_change::PlanChange,
    catalog::{Catalog, Plan},
    ids::OrgId,
    ledger::{
        account::{Account, Terms},
        tokens::Tokens,
    },
    names::TokenType,
};
use sqlx::PgConnection;

use super::{AppBackend, BackendError, Wording, dashboard};
use crate::storage::{
    self,
    account_reads::{AccountRead, Requester},
    daily::DayUse,
    licenses,
};

pub(super) async fn billing(backend: &AppBackend, who: &SignedIn) -> Result<BillingView, BackendError> {
    let wording = Wording::new(backend, who);
    let (AccountRead { account, .. }, mut tx) = backend.reader.open(who.org, &Requester::default()).await?;
    let subscribed = is_subscribed(&mut tx, who.org).await?;
    let used = dashboard::list_use(&mut tx, who.org, wording).await?;
    let catalog = &backend.reader.catalog;
    let plans = catalog.plans.iter().map(|plan| PlanView {
        name: plan.name.to_string(),
        label: plan.label.clone(),
        price_cents: plan.price_cents,
        allowance: amounts(catalog, |name| plan.allowance_of(name)),
        features: catalog.features_of(&plan.name).map(|feature| feature.label.clone()).collect(),
        current: plan.name == account.terms.plan,
        next: account.terms.next_plan.as_ref() == Some(&plan.name),
        choice: who.viewer.manages().then(|| choice(catalog, &account.terms, subscribed, plan)).flatten(),
    });
    let packs = catalog.packs.iter().map(|pack| PackView {
        name: pack.name.to_string(),
        label: pack.label.clone(),
        price_cents: pack.price_cents,
        tokens: amounts(catalog, |name| pack.tokens.get(name).copied().unwrap_or_default()),
        new_id: backend.reader.clock.new_id().to_string(),
    });
    let features = catalog.features.iter().map(|feature| FeatureView {
        label: feature.label.clone(),
        summary: feature.summary.clone(),
        cost: feature.cost,
        token_label: catalog.token_label(&feature.token_type).into(),
        from_plan: catalog.plan(&feature.from_plan).map_or_else(String::new, |plan| plan.label.clone()),
    });
    Ok(BillingView {
        advice: advice(catalog, &account, &used),
        plans: plans.collect(),
        packs: packs.collect(),
        can_spend: catalog.can_spend(&account.terms.plan),
        suspended: !account.terms.license.sells(),
        debts: labelled(catalog, |name| account.balance(name).debt),
        features: features.collect(),
        subscribed,
        resets_at: wording.when(account.terms.period(wording.now).end),
        ladder: catalog.ladder.clone(),
    })
}

/// Whether the plan of `org` is paid through Stripe.
pub(super) async fn is_subscribed(conn: &mut PgConnection, org: OrgId) -> storage::Result<bool> {
    let (_, known) = licenses::find_invoices(conn, org).await?;
    Ok(known.is_some_and(|snapshot| snapshot.live.is_some()))
}

/// What can be done about a plan: nothing about the one that they are on and stay on, nor about the one that is next.
fn choice(catalog: &Catalog, terms: &Terms, subscribed: bool, plan: &Plan) -> Option<String> {
    let next = terms.next_plan.as_ref();
    if next == Some(&plan.name) || (!subscribed && plan.price_cents == 0) {
        return None;
    }
    let label = &plan.label;
    match PlanChange::to(plan, terms, subscribed, catalog) {
        PlanChange::Subscribe => Some(format!("Subscribe to {label}")),
        PlanChange::Upgrade => Some(format!("Upgrade to {label}")),
        PlanChange::Keep => next.map(|_| format!("Stay on {label}")),
        PlanChange::Cancel => Some("Cancel the subscription".into()),
        PlanChange::Downgrade => Some(format!("Move down to {label}")),
    }
}

/// What the use of the last thirty days costs at the least.
fn advice(catalog: &Catalog, account: &Account, days: &[DayUse]) -> Option<AdviceView> {
    let of_type =
        |name: &TokenType| days.iter().filter(|day| name.as_str() == day.token_type).map(|day| day.tokens).sum();
    let types = catalog.token_types.iter().map(|spec| &spec.name);
    let used: BTreeMap<TokenType, Tokens> =
        types.filter_map(|name| Some((name.clone(), Tokens::new(of_type(name)).ok()?))).collect();
    let cover = catalog.cheapest_cover(&used)?;
    Some(AdviceView {
        used: labelled(catalog, |name| used.get(name).copied().unwrap_or_default()),
        plan: cover.plan.label.clone(),
        current: cover.plan.name == account.terms.plan,
        packs: cover.packs.map(|(pack, count)| (count, pack.label.clone())),
        price_cents: cover.price_cents,
    })
}

/// Amounts in the catalog's order, with labels, without those that there are none of.
pub(super) fn labelled(catalog: &Catalog, amount: impl Fn(&TokenType) -> Tokens) -> Vec<(Tokens, String)> {
    amounts(catalog, amount).into_iter().map(|AmountView { amount, label, .. }| (amount, label)).collect()
}

/// The same, each with what it pays.
fn amounts(catalog: &Catalog, amount: impl Fn(&TokenType) -> Tokens) -> Vec<AmountView> {
    let types = catalog.token_types.iter().map(|spec| (amount(&spec.name), spec));
    let some = types.filter(|(amount, _)| !amount.is_zero());
    some.map(|(amount, spec)| {
        let buys = catalog.pays(&spec.name, amount).map(|(uses, feature)| (uses, feature.label.clone()));
        AmountView { amount, label: spec.label.clone(), buys }
    })
    .collect()
}
