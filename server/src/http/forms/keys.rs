//! Creating and revoking API keys.

use app::{
    backend::SignedIn,
    error::AppError,
    flash::Flash,
    form::{Form, NewSecret},
};
use axum::{
    extract::{Form as Body, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use brightmeter::{access::role::Action, ids::ApiKeyId};
use chrono::TimeDelta;
use serde::Deserialize;

use crate::{
    http::{
        AppState,
        backend::internal,
        pages::{Posted, render, render_form_again, status},
        permitted::{Permission, Permitted},
    },
    service::api_keys::{NewKey, NewKeyError},
};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct KeyForm {
    id: String,
    name: String,
    scope: String,
    days: String,
}

/// Creating and revoking API keys.
pub(in crate::http) struct ManageApiKeys;

impl Permission for ManageApiKeys {
    const ACTION: Action = Action::ManageApiKeys;
    const PAGE: &'static str = "/keys";
}

pub(in crate::http) async fn create(
    State(state): State<AppState>,
    Permitted { who, .. }: Permitted<ManageApiKeys>,
    headers: HeaderMap,
    Body(form): Body<KeyForm>,
) -> Response {
    match create_key(&state, &who, &form).await {
        // No redirect: the secret is shown only in this response.
        Ok(secret) => render(&state, Posted::by(who, "/keys", headers), NewSecret(secret)).await,
        Err(error) => {
            let KeyForm { id: _, name, scope, days } = form;
            let values = vec![("name".into(), name), ("scope".into(), scope), ("days".into(), days)];
            render_form_again(&state, Posted::by(who, "/keys", headers), Form { values, error: Some(error) }).await
        }
    }
}

async fn create_key(state: &AppState, who: &SignedIn, form: &KeyForm) -> Result<String, AppError> {
    let id: ApiKeyId =
        form.id.parse().map_err(|_| AppError::on("name", "This form is out of date. Please submit it again."))?;
    let scope = form.scope.parse().map_err(|_| AppError::on("scope", "Choose a permission."))?;
    let expires_at = match form.days.as_str() {
        "" => None,
        days => {
            let days: u16 = days.parse().map_err(|_| AppError::on("days", "Choose when the API key expires."))?;
            Some(state.clock.now() + TimeDelta::days(days.into()))
        }
    };
    let new = NewKey { id, name: &form.name, scope, expires_at, maker: Some(who.member) };
    match state.api_keys.create(who.org, new).await {
        Ok((_, secret)) => Ok(secret.reveal().to_owned()),
        Err(NewKeyError::Storage(error)) => Err(internal(&error)),
        Err(error) => Err(AppError::on("name", sentence(&error.to_string()))),
    }
}

/// Turns an error into a sentence: capitalized, with a period.
fn sentence(error: &str) -> String {
    let mut letters = error.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct RevokeForm {
    id: ApiKeyId,
}

pub(in crate::http) async fn revoke(
    State(state): State<AppState>,
    Permitted { who, .. }: Permitted<ManageApiKeys>,
    Body(form): Body<RevokeForm>,
) -> Response {
    match state.api_keys.revoke(who.org, form.id).await {
        Ok(true) => Redirect::to(&Flash::KeyRevoked.on("/keys")).into_response(),
        Ok(false) => status(&AppError::NotFound).into_response(),
        Err(error) => status(&internal(&error)).into_response(),
    }
}
