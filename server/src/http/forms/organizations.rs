//! Suspending the license of an organization by hand, and lifting that. Only staff come this far.

use app::{backend::StaffMember, error::AppError, flash::Flash, form::Form};
use axum::{
    Extension,
    extract::{Form as Body, State},
    http::{HeaderMap, Uri},
    response::{IntoResponse, Redirect, Response},
};
use brightmeter::{billing::license::StaffAction, idempotency_key::IdempotencyKey, ids::OrgId, reason::Reason};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    http::{
        AppState,
        backend::submit_error,
        pages::{Posted, again},
    },
    service::writer::SubmitError,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct LicenseForm {
    org: OrgId,
    #[serde(default)]
    key: String,
    #[serde(default)]
    reason: String,
}

pub(in crate::http) async fn suspend(
    State(state): State<AppState>,
    Extension(staff): Extension<StaffMember>,
    headers: HeaderMap,
    Body(form): Body<LicenseForm>,
) -> Response {
    let done = match form.read(&staff) {
        Ok((key, by)) => state.staff.suspend(form.org, key, by).await.map_err(explain),
        Err(error) => Err(error),
    };
    answer(&state, staff, headers, form, ("suspend", Flash::LicenseSuspended), done).await
}

pub(in crate::http) async fn lift(
    State(state): State<AppState>,
    Extension(staff): Extension<StaffMember>,
    headers: HeaderMap,
    Body(form): Body<LicenseForm>,
) -> Response {
    let done = match form.read(&staff) {
        Ok((key, by)) => state.staff.lift(form.org, key, by).await.map_err(explain),
        Err(error) => Err(error),
    };
    answer(&state, staff, headers, form, ("lift", Flash::SuspensionLifted), done).await
}

impl LicenseForm {
    /// The form's idempotency key, and who sends it and why.
    fn read(&self, staff: &StaffMember) -> Result<(IdempotencyKey, StaffAction), AppError> {
        let reason: Reason = self.reason.parse().map_err(|_| {
            AppError::on("reason", "Say why, on one line of at most 500 characters: others will want to know.")
        })?;
        let out_of_date = || AppError::on("reason", "This form was out of date. Please send it again.");
        let key: Uuid = self.key.parse().map_err(|_| out_of_date())?;
        let key = format!("staff:{key}").parse().map_err(|_| out_of_date())?;
        Ok((key, StaffAction { user: staff.user, reason }))
    }
}

fn explain(error: SubmitError) -> AppError {
    match error {
        SubmitError::KeyReused => {
            AppError::on("reason", "This form was sent before with another reason. What stands now is below.")
        }
        error => submit_error(error),
    }
}

/// Back to the page of the organization; where it was not done, with what is wrong, and with what was typed.
async fn answer(
    state: &AppState,
    staff: StaffMember,
    headers: HeaderMap,
    form: LicenseForm,
    (act, told): (&str, Flash),
    done: Result<(), AppError>,
) -> Response {
    let page = format!("/admin/organizations/{}", form.org);
    let Err(error) = done else { return Redirect::to(&told.on(&page)).into_response() };
    let uri: Uri = page.parse().unwrap_or_default();
    // A repeat under the same key tells what became of what may have been done.
    let key = if matches!(error, AppError::OutcomeUnknown) { form.key } else { String::new() };
    let values = vec![("act".into(), act.into()), ("reason".into(), form.reason), ("key".into(), key)];
    again(state, Posted::by_staff(staff, uri, headers), Form { values, error: Some(error) }).await
}
