//! The form of `/admin/events`. The `staff_only` guard admits only staff.

use app::{backend::StaffMember, error::AppError, flash::Flash};
use axum::{
    Extension,
    extract::{Form as Body, RawQuery, State},
    response::{IntoResponse, Redirect, Response},
};
use brightmeter::billing::stripe_id::StripeId;
use serde::Deserialize;

use crate::http::{AppState, backend::internal, pages::status};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ReplayForm {
    id: String,
}

/// Replays an event and leads back to the list, whose filter is in the query string.
pub(in crate::http) async fn replay(
    State(state): State<AppState>,
    Extension(staff): Extension<StaffMember>,
    RawQuery(filter): RawQuery,
    Body(form): Body<ReplayForm>,
) -> Response {
    let Ok(id) = form.id.parse::<StripeId>() else { return status(&AppError::NotFound).into_response() };
    match state.staff.replay(staff.user, &id).await {
        Ok(true) => {
            let list = format!("/admin/events?{}", filter.unwrap_or_default());
            Redirect::to(&Flash::EventReplayed.on(&list)).into_response()
        }
        Ok(false) => status(&AppError::NotFound).into_response(),
        Err(error) => status(&internal(&error)).into_response(),
    }
}
