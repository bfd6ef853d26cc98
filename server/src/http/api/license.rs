//! `GET /license`: the state of the organization's license.

use axum::{Json, extract::State};
use brightmeter::{billing::license::Restriction, time::Instant};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    authorize::ApiCaller,
    extract::{NoParameters, Query},
    responses::{QueryError, ReadErrors},
};
use crate::http::{problem::Problem, state::AppState};

/// The organization's license.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LicenseBody {
    /// The current plan.
    #[schema(example = "pro")]
    plan: String,
    /// `active`, `grace`, `suspended` or `canceled`.
    #[schema(example = "active")]
    state: &'static str,
    /// The restriction in effect: `nothing`, `premium`, `allowance` or `ai`.
    #[schema(value_type = String, example = "nothing")]
    stage: Restriction,
    /// When the license entered this state. `null` while it is active.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Instant>,
    /// The cause of the state: `invoice`, `subscription` or `staff` (contact support). `null` while the license is
    /// active.
    #[schema(example = json!(null))]
    by: Option<&'static str>,
    /// The next step down the ladder if no payment arrives. `null` if there is none.
    next: Option<Transition>,
}

/// A step down the ladder.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Transition {
    /// When it happens.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// The restriction from then on: `premium`, `allowance` or `ai`.
    #[schema(value_type = String, example = "premium")]
    stage: Restriction,
    /// The effect, for people.
    #[schema(example = "Premium features stop.")]
    stops: &'static str,
}

/// The license
///
/// Returns the license's state, what is switched off because of it, and what stops next.
#[utoipa::path(
    get, path = "/license", tag = "Terms", operation_id = "license",
    responses((status = 200, body = LicenseBody, description = "The license."), ReadErrors, QueryError),
)]
pub(super) async fn license(
    State(state): State<AppState>,
    caller: ApiCaller,
    Query(NoParameters {}): Query<NoParameters>,
) -> Result<Json<LicenseBody>, Problem> {
    let account = caller.load_account(&state, None).await?;
    let (now, license) = (state.clock.now(), account.terms.license);
    let ladder = &state.reader.catalog.ladder;
    let next = license.next_step(ladder, now).map(|(at, stage)| Transition { at, stage, stops: stage.description() });
    Ok(Json(LicenseBody {
        plan: account.terms.plan.to_string(),
        state: license.state(),
        stage: license.restriction(ladder, now),
        since: license.since(),
        by: license.cause(),
        next,
    }))
}
