//! `GET /tokens/check-balance`: may it be used, what would it cost, what is there.

use axum::{Json, extract::State};
use brightmeter::{
    access::refusal::Refusal,
    catalog::Catalog,
    command::{Quantity, Usage},
    decide::entitlement,
    ledger::{account::Account, overview::Overview},
    names::FeatureName,
    time::Instant,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    answers::{Named, Queried, Reads},
    bodies::{Cost, member},
    extract::{Query, parameter},
    gate::Who,
    problem::{Limit, Problem},
};
use crate::http::AppState;

/// What to check.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Check {
    /// The feature to use.
    #[param(value_type = String, required = true, min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_-]*$", example = "quest_generation")]
    feature: Option<String>,
    /// How many times; once if not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, example = 1)]
    quantity: Option<String>,
    /// The member to act for, whose limits then apply.
    #[param(value_type = Option<uuid::Uuid>)]
    member: Option<String>,
}

/// Whether a feature may be used now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Checked {
    /// Whether it may.
    allowed: bool,
    /// The feature.
    #[schema(example = "quest_generation")]
    feature: String,
    /// What it would cost.
    cost: Cost,
    /// What there is, of every token type.
    balances: Vec<BalanceBody>,
    /// Why not, if not.
    refusal: Option<RefusalBody>,
}

/// The balance of one token type.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BalanceBody {
    /// The kind of tokens.
    #[schema(example = "ai")]
    token_type: String,
    /// What can be spent: settled less held.
    #[schema(minimum = 0, example = 200)]
    available: i64,
    /// Reserved by open holds.
    #[schema(minimum = 0, example = 0)]
    held: i64,
    /// Booked.
    #[schema(minimum = 0, example = 200)]
    settled: i64,
    /// The allowance of the running period; null if the plan has none.
    allowance: Option<AllowanceBody>,
    /// What there is besides: packs, promotions, what was returned or added.
    packs: PacksBody,
}

/// The allowance of a period.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AllowanceBody {
    /// What the period brought.
    #[schema(minimum = 0, example = 200)]
    granted: i64,
    /// What is booked of it still.
    #[schema(minimum = 0, example = 200)]
    remaining: i64,
    /// When the next one comes.
    #[schema(value_type = String, format = DateTime, example = "2026-12-01T08:30:00Z")]
    resets_at: Instant,
}

/// What does not reset.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PacksBody {
    /// What is booked of it.
    #[schema(minimum = 0, example = 0)]
    remaining: i64,
}

/// Why a feature may not be used now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefusalBody {
    /// The kind of problem, for programs.
    #[schema(example = "insufficient_tokens")]
    code: &'static str,
    /// The reason in words.
    detail: String,
    #[serde(flatten)]
    limit: Limit,
}

impl RefusalBody {
    fn new(refusal: &Refusal, now: Instant) -> Self {
        Self { code: refusal.code(), detail: refusal.to_string(), limit: Limit::of(refusal, now) }
    }
}

/// Check a balance
///
/// Whether a feature may be used now, what it would cost, and what there is. Counts towards no limit and moves nothing.
#[utoipa::path(
    get, path = "/tokens/check-balance", tag = "Tokens", operation_id = "checkBalance", params(Check),
    responses(
        (status = 200, body = Checked, description = "Whether it may be used, with the reason if not."),
        Reads,
        Queried,
        Named,
    ),
)]
pub(super) async fn check(
    State(state): State<AppState>,
    who: Who,
    Query(query): Query<Check>,
) -> Result<Json<Checked>, Problem> {
    let feature =
        parameter("feature", query.feature.as_deref(), "a feature of the catalog is written like quest_generation")?;
    let feature: FeatureName = feature.ok_or_else(|| Problem::on("feature", "name the feature to use"))?;
    let quantity = parameter::<u32>("quantity", query.quantity.as_deref(), QUANTITY_MESSAGE)?.unwrap_or(1);
    let quantity = Quantity::try_from(quantity).map_err(|_| Problem::on("quantity", QUANTITY_MESSAGE))?;
    let caller = who.caller(member(query.member.as_deref())?)?;
    let account = who.account(&state, Some(caller)).await?;
    let now = state.clock.now();
    let catalog = &state.reader.catalog;
    let found = catalog
        .feature(&feature)
        .ok_or_else(|| Problem::Refused { refusal: Refusal::UnknownFeature { feature: feature.clone() }, now })?;
    let cost = found.cost_of(quantity).ok_or_else(|| Problem::on("quantity", QUANTITY_MESSAGE))?;
    let usage = Usage { caller, feature, quantity, metadata: None };
    let refusal = entitlement::check(&account, &usage, &state.reader.context(now)).err();
    Ok(Json(Checked {
        allowed: refusal.is_none(),
        feature: usage.feature.to_string(),
        cost: Cost::new(&found.token_type, cost),
        balances: balances(&account, catalog, now),
        refusal: refusal.map(|refusal| RefusalBody::new(&refusal, now)),
    }))
}

/// What there is, of every token type.
pub(super) fn balances(account: &Account, catalog: &Catalog, now: Instant) -> Vec<BalanceBody> {
    let balances = catalog.token_types.iter().map(|spec| {
        let overview = Overview::of(account, catalog, spec);
        BalanceBody {
            token_type: spec.name.to_string(),
            available: overview.balance.available().get(),
            held: overview.balance.held.get(),
            settled: overview.balance.settled.get(),
            allowance: overview.allowance.map(|allowance| AllowanceBody {
                granted: allowance.granted.get(),
                remaining: allowance.remaining.get(),
                resets_at: account.terms.period(now).end,
            }),
            packs: PacksBody { remaining: overview.packs.get() },
        }
    });
    balances.collect()
}

const QUANTITY_MESSAGE: &str = "a quantity is a whole number from 1 to 10,000";
