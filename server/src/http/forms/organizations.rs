//! Suspending an organization's license, and lifting the suspension. The `staff_only` guard admits only staff.

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
        pages::{Posted, render_form_again},
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
    let done = match form.parse(&staff) {
        Ok((key, by)) => state.staff.suspend(form.org, key, by).await.map_err(explain),
        Err(error) => Err(error),
    };
    respond(&state, staff, headers, form, ("suspend", Flash::LicenseSuspended), done).await
}

pub(in crate::http) async fn lift(
    State(state): State<AppState>,
    Extension(staff): Extension<StaffMember>,
    headers: HeaderMap,
    Body(form): Body<LicenseForm>,
) -> Response {
    let done = match form.parse(&staff) {
        Ok((key, by)) => state.staff.lift(form.org, key, by).await.map_err(explain),
        Err(error) => Err(error),
    };
    respond(&state, staff, headers, form, ("lift", Flash::SuspensionLifted), done).await
}

impl LicenseForm {
    /// Parses the form into its idempotency key and the staff action.
    fn parse(&self, staff: &StaffMember) -> Result<(IdempotencyKey, StaffAction), AppError> {
        let reason: Reason = self.reason.parse().map_err(|_| {
            AppError::on("reason", "Enter a reason on one line, at most 500 characters, so that others understand why.")
        })?;
        let out_of_date = || AppError::on("reason", "This form is out of date. Please submit it again.");
        let key: Uuid = self.key.parse().map_err(|_| out_of_date())?;
        let key = format!("staff:{key}").parse().map_err(|_| out_of_date())?;
        Ok((key, StaffAction { user: staff.user, reason }))
    }
}

fn explain(error: SubmitError) -> AppError {
    match error {
        SubmitError::KeyReused => AppError::on(
            "reason",
            "This form was already submitted with a different reason. The current state is shown below.",
        ),
        error => submit_error(error),
    }
}

/// Redirects to the organization's page, or renders it with the error and the submitted values.
async fn respond(
    state: &AppState,
    staff: StaffMember,
    headers: HeaderMap,
    form: LicenseForm,
    (act, flash): (&str, Flash),
    done: Result<(), AppError>,
) -> Response {
    let page = format!("/admin/organizations/{}", form.org);
    let Err(error) = done else { return Redirect::to(&flash.on(&page)).into_response() };
    let uri: Uri = page.parse().unwrap_or_default();
    // If the outcome is unknown, a retry with the same idempotency key returns it instead of repeating the command.
    let key = if matches!(error, AppError::OutcomeUnknown) { form.key } else { String::new() };
    let values = vec![("act".into(), act.into()), ("reason".into(), form.reason), ("key".into(), key)];
    render_form_again(state, Posted::by_staff(staff, uri, headers), Form { values, error: Some(error) }).await
}
