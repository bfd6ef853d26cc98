//! `GET /catalog`: plans, features, packs and prices.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use brightmeter::billing::money::Currency;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    authorize::ApiCaller,
    extract::{NoParameters, Query},
    responses::{QueryError, ReadErrors},
};
use crate::http::{problem::Problem, state::AppState};

/// The catalog.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CatalogBody {
    /// The currency of every `price_cents`: an ISO 4217 code in lower case.
    #[schema(example = "usd")]
    currency: String,
    /// The token types.
    token_types: Vec<TokenTypeBody>,
    /// The plans, smallest first.
    plans: Vec<PlanBody>,
    /// The features and their costs.
    features: Vec<FeatureBody>,
    /// The packs.
    packs: Vec<PackBody>,
}

/// A token type.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenTypeBody {
    /// The name, for programs.
    #[schema(example = "ai")]
    name: String,
    /// The label, for people.
    #[schema(example = "AI tokens")]
    label: String,
}

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlanBody {
    /// The name, for programs.
    #[schema(example = "pro")]
    name: String,
    /// The label, for people.
    #[schema(example = "Pro")]
    label: String,
    /// How often it is paid: `month` or `year`.
    #[schema(example = "month")]
    interval: &'static str,
    /// The price per interval, in minor units of the catalog's currency.
    #[schema(example = 14_900)]
    price_cents: u32,
    /// The price per interval in each currency it is sold in, in minor units.
    #[schema(example = json!({ "usd": 14_900, "eur": 13_900 }))]
    prices: BTreeMap<String, u32>,
    /// The tokens granted per month, by token type.
    #[schema(example = json!({ "ai": 200, "deep": 20 }))]
    allowance: BTreeMap<String, i64>,
    /// The names of the included features.
    features: Vec<String>,
}

/// A feature.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FeatureBody {
    /// The name, for programs.
    #[schema(example = "quest_generation")]
    name: String,
    /// The label, for people.
    #[schema(example = "Quest generation")]
    label: String,
    /// A summary, for people.
    summary: String,
    /// The token type of its cost.
    #[schema(example = "ai")]
    token_type: String,
    /// The cost of one use, in tokens.
    #[schema(minimum = 0, example = 5)]
    cost: i64,
    /// The smallest plan that includes it.
    #[schema(example = "pro")]
    from_plan: String,
    /// Whether it is among the first features to stop when an invoice is unpaid.
    premium: bool,
}

/// A pack.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PackBody {
    /// The name, for programs.
    #[schema(example = "booster")]
    name: String,
    /// The label, for people.
    #[schema(example = "Booster")]
    label: String,
    /// The price, in minor units of the catalog's currency.
    #[schema(example = 2_900)]
    price_cents: u32,
    /// The price in each currency it is sold in, in minor units.
    #[schema(example = json!({ "usd": 2_900, "eur": 2_680 }))]
    prices: BTreeMap<String, u32>,
    /// The tokens in the pack, by token type.
    #[schema(example = json!({ "ai": 500, "deep": 50 }))]
    tokens: BTreeMap<String, i64>,
}

/// The catalog
///
/// Returns plans, features, packs and prices.
#[utoipa::path(
    get, path = "/catalog", tag = "Terms", operation_id = "catalog",
    responses((status = 200, body = CatalogBody, description = "The catalog."), ReadErrors, QueryError),
)]
pub(super) async fn catalog(
    State(state): State<AppState>,
    caller: ApiCaller,
    Query(NoParameters {}): Query<NoParameters>,
) -> Result<Json<CatalogBody>, Problem> {
    caller.authorize_read(&state).await?;
    let catalog = &state.reader.catalog;
    let token_types = catalog.token_types.iter();
    let prices = |own: u32, further: &BTreeMap<Currency, u32>| {
        let own = [(catalog.currency.to_string(), own)].into_iter();
        own.chain(further.iter().map(|(currency, minor)| (currency.to_string(), *minor))).collect()
    };
    let plans = catalog.plans.iter().map(|plan| PlanBody {
        name: plan.name.to_string(),
        label: plan.label.clone(),
        interval: plan.interval.as_str(),
        price_cents: plan.price_cents,
        prices: prices(plan.price_cents, &plan.prices),
        allowance: plan.allowance.iter().map(|(name, amount)| (name.to_string(), amount.get())).collect(),
        features: catalog.features_of(&plan.name).map(|feature| feature.name.to_string()).collect(),
    });
    let features = catalog.features.iter().map(|feature| FeatureBody {
        name: feature.name.to_string(),
        label: feature.label.clone(),
        summary: feature.summary.clone(),
        token_type: feature.token_type.to_string(),
        cost: feature.cost.get(),
        from_plan: feature.from_plan.to_string(),
        premium: feature.premium,
    });
    let packs = catalog.packs.iter().map(|pack| PackBody {
        name: pack.name.to_string(),
        label: pack.label.clone(),
        price_cents: pack.price_cents,
        prices: prices(pack.price_cents, &pack.prices),
        tokens: pack.tokens.iter().map(|(name, amount)| (name.to_string(), amount.get())).collect(),
    });
    Ok(Json(CatalogBody {
        currency: catalog.currency.to_string(),
        token_types: token_types
            .map(|spec| TokenTypeBody { name: spec.name.to_string(), label: spec.label.clone() })
            .collect(),
        plans: plans.collect(),
        features: features.collect(),
        packs: packs.collect(),
    }))
}
