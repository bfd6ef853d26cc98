//! `GET /license` and `GET /catalog`: what the organization is on, and what is sold.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use brightmeter::{billing::license::Restriction, time::Instant};
use serde::Serialize;
use utoipa::ToSchema;

use super::{answers::Reads, gate::Who, problem::Problem};
use crate::http::AppState;

/// Whether the plan is paid, and what is off while it is not.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LicenseBody {
    /// The plan.
    #[schema(example = "pro")]
    plan: String,
    /// `active`, `grace`, `suspended` or `canceled`.
    #[schema(example = "active")]
    state: &'static str,
    /// What is off now: `nothing`, `premium`, `allowance` or `ai`.
    #[schema(value_type = String, example = "nothing")]
    stage: Restriction,
    /// Since when the state is so; null while it is active.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Instant>,
    /// What the state follows: `invoice`, `subscription`, or `staff`: then ask support. Null while it is active.
    #[schema(example = json!(null))]
    by: Option<&'static str>,
    /// What stops next if nothing is paid; null if nothing will.
    next: Option<Transition>,
}

/// A step down the ladder.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Transition {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// What is off from then on: `premium`, `allowance` or `ai`.
    #[schema(value_type = String, example = "premium")]
    stage: Restriction,
    /// What stops, in words.
    #[schema(example = "Premium features stop.")]
    stops: &'static str,
}

/// The license
///
/// Whether the plan is paid, what is off while it is not, and what stops next.
#[utoipa::path(
    get, path = "/license", tag = "Terms", operation_id = "license",
    responses((status = 200, body = LicenseBody, description = "How the license stands."), Reads),
)]
pub(super) async fn license(State(state): State<AppState>, who: Who) -> Result<Json<LicenseBody>, Problem> {
    let account = who.account(&state, None).await?;
    let (now, license) = (state.clock.now(), account.terms.license);
    let ladder = &state.reader.catalog.ladder;
    let next = license.next(ladder, now).map(|(at, stage)| Transition { at, stage, stops: stage.stops() });
    Ok(Json(LicenseBody {
        plan: account.terms.plan.to_string(),
        state: license.state(),
        stage: license.off(ladder, now),
        since: license.since(),
        by: license.by(),
        next,
    }))
}

/// What is sold.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CatalogBody {
    /// The kinds of tokens.
    token_types: Vec<TokenTypeBody>,
    /// The plans, smallest first.
    plans: Vec<PlanBody>,
    /// The features and what they cost.
    features: Vec<FeatureBody>,
    /// The packs.
    packs: Vec<PackBody>,
}

/// A kind of token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenTypeBody {
    /// Its name.
    #[schema(example = "ai")]
    name: String,
    /// What people read.
    #[schema(example = "AI tokens")]
    label: String,
}

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlanBody {
    /// Its name.
    #[schema(example = "pro")]
    name: String,
    /// What people read.
    #[schema(example = "Pro")]
    label: String,
    /// The price of a month, in US cents.
    #[schema(example = 14_900)]
    price_cents: u32,
    /// Tokens a month, by token type.
    #[schema(example = json!({ "ai": 200, "deep": 20 }))]
    allowance: BTreeMap<String, i64>,
    /// The features that it opens.
    features: Vec<String>,
}

/// A feature.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FeatureBody {
    /// Its name.
    #[schema(example = "quest_generation")]
    name: String,
    /// What people read.
    #[schema(example = "Quest generation")]
    label: String,
    /// What it does.
    summary: String,
    /// The kind of tokens that it costs.
    #[schema(example = "ai")]
    token_type: String,
    /// What one use costs.
    #[schema(minimum = 0, example = 5)]
    cost: i64,
    /// The smallest plan that includes it.
    #[schema(example = "pro")]
    from_plan: String,
    /// Whether it is among the first to stop when an invoice is unpaid.
    premium: bool,
}

/// A pack.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PackBody {
    /// Its name.
    #[schema(example = "booster")]
    name: String,
    /// What people read.
    #[schema(example = "Booster")]
    label: String,
    /// The price, in US cents.
    #[schema(example = 2_900)]
    price_cents: u32,
    /// What it holds, by token type.
    #[schema(example = json!({ "ai": 500, "deep": 50 }))]
    tokens: BTreeMap<String, i64>,
}

/// The catalog
///
/// Plans, features, packs and prices.
#[utoipa::path(
    get, path = "/catalog", tag = "Terms", operation_id = "catalog",
    responses((status = 200, body = CatalogBody, description = "What is sold."), Reads),
)]
pub(super) async fn catalog(State(state): State<AppState>, who: Who) -> Result<Json<CatalogBody>, Problem> {
    drop(who.read(&state).await?);
    let catalog = &state.reader.catalog;
    let token_types = catalog.token_types.iter();
    let plans = catalog.plans.iter().map(|plan| PlanBody {
        name: plan.name.to_string(),
        label: plan.label.clone(),
        price_cents: plan.price_cents,
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
        tokens: pack.tokens.iter().map(|(name, amount)| (name.to_string(), amount.get())).collect(),
    });
    Ok(Json(CatalogBody {
        token_types: token_types
            .map(|spec| TokenTypeBody { name: spec.name.to_string(), label: spec.label.clone() })
            .collect(),
        plans: plans.collect(),
        features: features.collect(),
        packs: packs.collect(),
    }))
}
