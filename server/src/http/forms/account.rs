//! Changing the password, and signing out everywhere.

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
        pages::{Posted, render_form_again, status},
    },
    service::user_profile::{ChangePasswordError, PASSWORD_CHARS},
};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct PasswordForm {
    current: String,
    new: String,
    /// Unused: a hidden field that helps password managers find the account.
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
        // A new session id invalidates one that may have leaked.
        Ok(()) => match session.cycle_id().await {
            Ok(()) => return Redirect::to(&Flash::PasswordChanged.on("/account")).into_response(),
            Err(error) => internal(&error),
        },
        Err(error) => explain(&state, &error),
    };
    render_form_again(&state, Posted::by(who, "/account", headers), Form { values: Vec::new(), error: Some(error) })
        .await
}

fn explain(state: &AppState, error: &ChangePasswordError) -> AppError {
    match error {
        ChangePasswordError::Wrong => AppError::on("current", "Your current password is incorrect."),
        ChangePasswordError::Length => {
            let (least, most) = (PASSWORD_CHARS.start(), PASSWORD_CHARS.end());
            AppError::on("new", format!("Your new password must have {least} to {most} characters."))
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
