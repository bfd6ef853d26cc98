//! Generating quests, and marking them done.

use std::time::Duration;

use app::{backend::SignedIn, components::quest_id, error::AppError, flash::Flash, form::Form};
use axum::{
    Extension,
    extract::{Form as Body, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use brightmeter::{
    features::quest::Goal,
    idempotency_key::IdempotencyKey,
    ids::{HoldId, JobId},
};
use serde::Deserialize;
use tokio::time::timeout;

use crate::{
    http::{
        AppState,
        backend::{internal, submit_error},
        pages::{Posted, render_form_again, status},
        session::local_path,
    },
    service::writer::SubmitError,
};

/// The maximum wait for a job before the redirect, so that most users see the result immediately, even without
/// JavaScript.
const QUICK_JOB_WAIT: Duration = Duration::from_millis(1_500);

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct GenerateForm {
    goal: String,
    key: String,
}

pub(in crate::http) async fn generate(
    State(state): State<AppState>,
    Extension(who): Extension<SignedIn>,
    headers: HeaderMap,
    Body(form): Body<GenerateForm>,
) -> Response {
    match start(&state, &who, &form).await {
        Ok(job) => Redirect::to(&format!("/quests?job={job}")).into_response(),
        Err(error) => {
            let posted = Posted::by(who, "/quests", headers);
            let values = vec![("goal".into(), form.goal), ("key".into(), form.key)];
            render_form_again(&state, posted, Form { values, error: Some(error) }).await
        }
    }
}

async fn start(state: &AppState, who: &SignedIn, form: &GenerateForm) -> Result<HoldId, AppError> {
    let goal = Goal::parse(&form.goal).map_err(|error| AppError::on("goal", error.to_string()))?;
    // The form's idempotency key is required: without it a repeated submission would be charged twice.
    let out_of_date = || AppError::on("goal", "This form is out of date. Please submit it again.");
    let key: uuid::Uuid = form.key.parse().map_err(|_| out_of_date())?;
    let key: IdempotencyKey = format!("form:{key}").parse().map_err(|_| out_of_date())?;
    let started = state.jobs.start(who.org, who.member, goal, key).await.map_err(|error| match error {
        SubmitError::KeyReused => AppError::on(
            "goal",
            "This form was already submitted with a different goal. Open Quests again to submit this one.",
        ),
        error => submit_error(error),
    })?;
    if let Some(running) = started.running {
        // The next page shows the job's state, whether it has finished or not.
        let _ = timeout(QUICK_JOB_WAIT, running).await;
    }
    Ok(started.job)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct DoneForm {
    job: JobId,
    position: i16,
    done: bool,
    #[serde(default)]
    next: String,
}

pub(in crate::http) async fn set_done(
    State(state): State<AppState>,
    Extension(who): Extension<SignedIn>,
    Body(form): Body<DoneForm>,
) -> Response {
    let done_at = form.done.then(|| state.clock.now());
    match state.jobs.set_done(&state.pool, who.org, form.job, form.position, done_at).await {
        Ok(true) => {
            let flash = if form.done { Flash::QuestDone } else { Flash::QuestOpen };
            let page = flash.on(local_path(if form.next.is_empty() { "/quests" } else { &form.next }));
            // Return to the quest, not to the top of the page.
            Redirect::to(&format!("{page}#{}", quest_id(&form.job.to_string(), form.position))).into_response()
        }
        Ok(false) => status(&AppError::NotFound).into_response(),
        Err(error) => status(&internal(&error)).into_response(),
    }
}
