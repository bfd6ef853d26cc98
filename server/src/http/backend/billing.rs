//! `/billing`: the plans and packs.

use std::collections::BTreeMap;

use app::{
    backend::SignedIn,
    views::{AdviceView, AmountView, BillingView, FeatureView, PackView, PlanView},
};
use brightmeter::{
    access::role::Action,
    billing::plan_change::{PlanChange, Subscribed},
    catalog::{Catalog, Plan},
    ledger::{
        account::{Account, Terms},
        tokens::Tokens,
    },
    names::TokenType,
};

use super::{AppBackend, BackendError, Wording, dashboard, notices};
use crate::service::{
    account_reader::{AccountRead, Requester},
    org_reads::DayUse,
};

pub(super) async fn billing(backend: &AppBackend, who: &SignedIn, currency: &str) -> Result<BillingView, BackendError> {
    let wording = Wording::new(backend, who);
    let (AccountRead { account, .. }, mut reads) = backend.reader.open(who.org, &Requester::default()).await?;
    let facts = reads.billing_facts().await?;
    let standing = facts.standing(&backend.reader.catalog, wording.now);
    let subscribed = Subscribed::of(&facts.subscriptions, standing.in_force.as_ref());
    let used = dashboard::list_usage(&mut reads, wording).await?;
    let catalog = &backend.reader.catalog;
    let currency = standing.currency(currency.parse().ok(), catalog);
    let next = account.terms.next_plan.as_ref();
    let plans = catalog.plans.iter().map(|plan| PlanView {
        name: plan.name.to_string(),
        label: plan.label.clone(),
        price: catalog.plan_price(plan, currency),
        interval: plan.interval,
        allowance: amounts(catalog, |name| plan.allowance_of(name)),
        features: catalog.features_of(&plan.name).map(|feature| feature.label.clone()).collect(),
        current: plan.name == account.terms.plan,
        next: next.filter(|next| next.plan == plan.name).map(|next| wording.local_time(next.from)),
        choice: who
            .viewer
            .role
            .permits(Action::ChangePlan)
            .then(|| choice(catalog, &account.terms, subscribed, plan))
            .flatten(),
    });
    let packs = catalog.packs.iter().map(|pack| PackView {
        name: pack.name.to_string(),
        label: pack.label.clone(),
        price: catalog.pack_price(pack, currency),
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
        currency,
        currencies: standing.currencies(catalog),
        advice: advice(catalog, &account, &used),
        plans: plans.collect(),
        packs: packs.collect(),
        can_spend: catalog.can_spend(&account.terms.plan),
        suspended: !account.terms.license.allows_purchases(),
        debts: labelled(catalog, |name| account.balance(name).debt),
        features: features.collect(),
        subscribed: subscribed != Subscribed::No,
        notices: notices::list(&facts, &standing, catalog, (who, wording)),
        resets_at: wording.local_time(account.terms.period(wording.now).end),
        ladder: catalog.ladder.clone(),
    })
}

/// The label of the button that chooses a plan. `None` for the current plan, unless a plan change is pending, and for
/// the next plan.
fn choice(catalog: &Catalog, terms: &Terms, subscribed: Subscribed<'_>, plan: &Plan) -> Option<String> {
    let next = terms.next_plan.as_ref().map(|next| &next.plan);
    if next == Some(&plan.name) || (subscribed != Subscribed::Live && plan.price_cents == 0) {
        return None;
    }
    let label = &plan.label;
    match PlanChange::to(plan, terms, subscribed, catalog) {
        // The paused one has to be resumed first.
        PlanChange::Subscribe if matches!(subscribed, Subscribed::Paused(_)) => None,
        PlanChange::Resume => Some(format!("Resume {label}")),
        PlanChange::Subscribe => Some(format!("Subscribe to {label}")),
        PlanChange::Upgrade => Some(format!("Upgrade to {label}")),
        PlanChange::Keep => next.map(|_| format!("Stay on {label}")),
        PlanChange::Cancel => Some("Cancel the subscription".into()),
        PlanChange::Downgrade => Some(format!("Downgrade to {label}")),
    }
}

/// Returns the cheapest plan and packs that cover the usage of the last 30 days.
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
        price: cover.price,
    })
}

/// Returns the non-zero amounts with their labels, in the catalog's order.
pub(super) fn labelled(catalog: &Catalog, amount: impl Fn(&TokenType) -> Tokens) -> Vec<(Tokens, String)> {
    amounts(catalog, amount).into_iter().map(|AmountView { amount, label, .. }| (amount, label)).collect()
}

/// Returns the non-zero amounts, each with the number of feature uses that it pays for.
fn amounts(catalog: &Catalog, amount: impl Fn(&TokenType) -> Tokens) -> Vec<AmountView> {
    let types = catalog.token_types.iter().map(|spec| (amount(&spec.name), spec));
    let nonzero = types.filter(|(amount, _)| !amount.is_zero());
    nonzero
        .map(|(amount, spec)| {
            let buys = catalog.cheapest_uses(&spec.name, amount).map(|(uses, feature)| (uses, feature.label.clone()));
            AmountView { amount, label: spec.label.clone(), buys }
        })
        .collect()
}
