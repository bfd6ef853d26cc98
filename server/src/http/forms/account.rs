//! Another password, and an end to every session.

use app::{backend::SignedIn, error::AppError, flash::Flash, form::Form};
use axum::{
    Extension,
    extract::{Form as Body, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tower_sessions::Session;

use crate::{
    http::{
        AppState,
        backend::internal,
        client::Client,
        forms::throttled,
        pages::{Posted, again, status},
    },
    service::user_profile::{ChangePasswordError, PASSWORD_CHARS},
};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct PasswordForm {
    current: String,
    new: String,
    /// What a password manager needs to know whose password it keeps.
    username: String,
}

pub(in crate::http) async fn change_password(
    State(state): State<AppState>,
    Extension(who): Extension<SignedIn>,
    Extension(client): Extension<Client>,
    session: Session,
    headers: HeaderMap,
    Body(form): Body<PasswordForm>,
) -> Response {
    let keep = session.id().map(|id| id.to_string());
    let changed =
        state.user_profiles.change_password(who.user, (&form.current, &form.new), client.0, keep.as_deref()).await;
    let error = match changed {
        // A new id, so that one that leaked is worth nothing either.
        Ok(()) => match session.cycle_id().await {
            Ok(()) => return Redirect::to(&Flash::PasswordChanged.on("/account")).into_response(),
            Err(error) => internal(&error),
        },
        Err(error) => explain(&state, &error),
    };
    again(&state, Posted::by(who, "/account", headers), Form { values: Vec::new(), error: Some(error) }).await
}

fn explain(state: &AppState, error: &ChangePasswordError) -> AppError {
    match error {
        ChangePasswordError::Wrong => AppError::on("current", "That is not your current password."),
        ChangePasswordError::Length => {
            let (least, most) = (PASSWORD_CHARS.start(), PASSWORD_CHARS.end());
            AppError::on("new", format!("A password has {least} to {most} characters."))
        }
        ChangePasswordError::Throttled(limit) => AppError::on("current", throttled(state, limit)),
        ChangePasswordError::Storage(_) | ChangePasswordError::Password(_) => internal(error),
    }
}

pub(in crate::http) async fn sign_out_everywhere(
    State(state): State<AppState>,
    Extension(who): Extension<SignedIn>,
    session: Session,
) -> Response {
    match state.user_profiles.sign_out_everywhere(who.user).await {
        Ok(_) => super::sign_in::end(session, Flash::SignedOutEverywhere).await,
        Err(error) => status(&internal(&error)).into_response(),
    }
}
