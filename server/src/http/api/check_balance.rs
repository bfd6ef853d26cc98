//! `GET /tokens/check-balance`: whether a feature may be used, its cost, and the balances.

use axum::{Json, extract::State};
use brightmeter::{
    access::refusal::Refusal, command::Usage, decide::entitlement, names::FeatureName, quantity::Quantity,
    time::Instant,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    authorize::ApiCaller,
    balances::{BalanceBody, balances},
    bodies::Cost,
    extract::{Query, member_parameter, parameter},
    responses::{NotFoundError, QueryError, ReadErrors},
};
use crate::http::{
    problem::{Limit, Problem},
    state::AppState,
};

const QUANTITY_MESSAGE: &str = "a quantity is a whole number from 1 to 10,000";

/// The query parameters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CheckQuery {
    /// The feature to use.
    #[param(value_type = String, required = true, min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_-]*$", example = "quest_generation")]
    feature: Option<String>,
    /// The number of uses. Default: 1.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, example = 1)]
    quantity: Option<String>,
    /// The id of the member to act for. That member's limits apply.
    #[param(value_type = Option<uuid::Uuid>)]
    member: Option<String>,
}

/// Whether a feature may be used now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Checked {
    /// Whether the use is allowed.
    allowed: bool,
    /// The feature.
    #[schema(example = "quest_generation")]
    feature: String,
    /// The cost of the use.
    cost: Cost,
    /// The balance of every token type.
    balances: Vec<BalanceBody>,
    /// The reason if the use is not allowed, otherwise `null`.
    refusal: Option<RefusalBody>,
}

/// Why a feature may not be used now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefusalBody {
    /// The kind of problem, for programs.
    #[schema(example = "insufficient_tokens")]
    code: &'static str,
    /// The reason, for people.
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
/// Returns whether a feature may be used now, its cost, and the balances. Moves no tokens and counts towards no limit.
#[utoipa::path(
    get, path = "/tokens/check-balance", tag = "Tokens", operation_id = "checkBalance", params(CheckQuery),
    responses(
        (status = 200, body = Checked, description = "Whether the use is allowed, and the reason if it isn't."),
        ReadErrors,
        QueryError,
        NotFoundError,
    ),
)]
pub(super) async fn check_balance(
    State(state): State<AppState>,
    api_caller: ApiCaller,
    Query(query): Query<CheckQuery>,
) -> Result<Json<Checked>, Problem> {
    let feature: Option<FeatureName> =
        parameter("feature", query.feature.as_deref(), "a feature is a name such as quest_generation")?;
    let feature = feature.ok_or_else(|| Problem::on("feature", "the feature is required"))?;
    let quantity = parameter::<u32>("quantity", query.quantity.as_deref(), QUANTITY_MESSAGE)?.unwrap_or(1);
    let quantity = Quantity::try_from(quantity).map_err(|_| Problem::on("quantity", QUANTITY_MESSAGE))?;
    let caller = api_caller.acting_for(member_parameter(query.member.as_deref())?)?;
    let account = api_caller.load_account(&state, Some(caller)).await?;
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
