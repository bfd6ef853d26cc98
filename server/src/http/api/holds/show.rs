//! `GET /tokens/holds/{id}`: shows a hold.

use axum::{Json, extract::State};
use brightmeter::{ledger::hold::HoldState, time::Instant};
use serde::Serialize;
use utoipa::ToSchema;

use super::HoldPath;
use crate::http::{
    api::{
        authorize::ApiCaller,
        extract::{NoParameters, Query},
        responses::{NotFoundError, QueryError, ReadErrors},
    },
    problem::Problem,
    state::AppState,
};

/// A hold.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct HoldBody {
    /// The hold's id.
    hold_id: uuid::Uuid,
    /// `open`, `captured`, `released` or `expired`.
    #[schema(example = "open")]
    state: &'static str,
    /// The feature that the tokens are reserved for.
    #[schema(example = "quest_generation")]
    feature: String,
    /// The token type.
    #[schema(example = "ai")]
    token_type: String,
    /// The number of tokens that the hold was opened with.
    #[schema(minimum = 0, example = 5)]
    amount: i64,
    /// The number of tokens charged. `null` unless captured.
    #[schema(minimum = 0)]
    captured: Option<i64>,
    /// The reason of the release. `null` unless released.
    reason: Option<String>,
    /// When the hold was opened.
    #[schema(value_type = String, format = DateTime)]
    opened_at: Instant,
    /// When the hold expires if it is still open then.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Instant,
    /// When the hold ended. `null` while it is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Instant>,
}

/// Show a hold
#[utoipa::path(
    get, path = "/tokens/holds/{id}", tag = "Holds", operation_id = "getHold",
    params(("id" = uuid::Uuid, Path, description = "The hold's id.")),
    responses(
        (status = 200, body = HoldBody, description = "The hold."),
        ReadErrors,
        QueryError,
        NotFoundError,
    ),
)]
pub(in crate::http::api) async fn show(
    State(state): State<AppState>,
    caller: ApiCaller,
    HoldPath(id): HoldPath,
    Query(NoParameters {}): Query<NoParameters>,
) -> Result<Json<HoldBody>, Problem> {
    let mut reads = caller.begin_read(&state).await?;
    let hold = reads.hold(id).await?.ok_or(Problem::NotFound)?;
    let (mut captured, mut reason, mut ended_at) = (None, None, None);
    match &hold.state {
        HoldState::Open => {}
        HoldState::Captured { amount, at } => (captured, ended_at) = (Some(amount.get()), Some(*at)),
        HoldState::Released { reason: text, at } => (reason, ended_at) = (Some(text.clone()), Some(*at)),
        HoldState::Expired { at } => ended_at = Some(*at),
    }
    Ok(Json(HoldBody {
        hold_id: hold.id.0,
        state: hold.state.as_str(),
        feature: hold.feature.to_string(),
        token_type: hold.token_type.to_string(),
        amount: hold.amount().get(),
        captured,
        reason,
        opened_at: hold.opened_at,
        expires_at: hold.expires_at,
        ended_at,
    }))
}
