//! `/billing`: the plans and packs.

use app::{
    backend::SignedIn,
    views::{BillingView, FeatureView, PackView, PlanView},
};
use brightmeter::{catalog::Catalog, names::TokenType, tokens::Tokens};

use super::{Portal, PortalError, Wording};

pub(super) async fn billing(portal: &Portal, who: &SignedIn) -> Result<BillingView, PortalError> {
    let wording = Wording::new(portal, who);
    let (account, _) = portal.reader.account(who.org, None).await?;
    let catalog = &portal.reader.catalog;
    let plans = catalog.plans.iter().map(|plan| PlanView {
        name: plan.name.to_string(),
        label: plan.label.clone(),
        price_cents: plan.price_cents,
        allowance: labelled(catalog, |name| plan.allowance_of(name)),
        features: catalog
            .features
            .iter()
            .filter(|feature| catalog.includes(&plan.name, feature))
            .map(|feature| feature.label.clone())
            .collect(),
        current: plan.name == account.terms.plan,
        next: account.terms.next_plan.as_ref() == Some(&plan.name),
    });
    let packs = catalog.packs.iter().map(|pack| PackView {
        name: pack.name.to_string(),
        label: pack.label.clone(),
        price_cents: pack.price_cents,
        tokens: labelled(catalog, |name| pack.tokens.get(name).copied().unwrap_or_default()),
    });
    let features = catalog.features.iter().map(|feature| FeatureView {
        label: feature.label.clone(),
        summary: feature.summary.clone(),
        cost: feature.cost,
        token_label: catalog.token_label(&feature.token_type).into(),
        from_plan: catalog.plan(&feature.from_plan).map_or_else(String::new, |plan| plan.label.clone()),
    });
    Ok(BillingView {
        plans: plans.collect(),
        packs: packs.collect(),
        features: features.collect(),
        resets_at: wording.when(account.terms.period(wording.now).end),
    })
}

/// Amounts with the labels of their types, in the catalog's order, without those that there are none of.
fn labelled(catalog: &Catalog, amount: impl Fn(&TokenType) -> Tokens) -> Vec<(Tokens, String)> {
    let types = catalog.token_types.iter().map(|spec| (amount(&spec.name), spec.label.clone()));
    types.filter(|(amount, _)| !amount.is_zero()).collect()
}
