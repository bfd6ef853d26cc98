//! Making and revoking the keys of services.

use app::{
    backend::SignedIn,
    error::AppError,
    flash::Flash,
    form::{Form, NewSecret},
};
use axum::{
    Extension,
    extract::{Form as Body, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use brightmeter::ids::ApiKeyId;
use chrono::TimeDelta;
use serde::Deserialize;

use crate::{
    http::{
        AppState,
        backend::internal,
        pages::{Posted, again, render, status},
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

pub(in crate::http) async fn create(
    State(state): State<AppState>,
    Extension(who): Extension<SignedIn>,
    headers: HeaderMap,
    Body(form): Body<KeyForm>,
) -> Response {
    match make(&state, &who, &form).await {
        // No redirect: the secret is in this answer and nowhere else.
        Ok(secret) => render(&state, Posted::by(who, "/keys", headers), NewSecret(secret)).await,
        Err(error) => {
            let KeyForm { id: _, name, scope, days } = form;
            let values = vec![("name".into(), name), ("scope".into(), scope), ("days".into(), days)];
            again(&state, Posted::by(who, "/keys", headers), Form { values, error: Some(error) }).await
        }
    }
}

async fn make(state: &AppState, who: &SignedIn, form: &KeyForm) -> Result<String, AppError> {
    if !who.viewer.manages() {
        return Err(AppError::Forbidden);
    }
    let id: ApiKeyId =
        form.id.parse().map_err(|_| AppError::on("name", "This form was out of date. Please send it again."))?;
    let scope = form.scope.parse().map_err(|_| AppError::on("scope", "Choose what the key may do."))?;
    let expires_at = match form.days.as_str() {
        "" => None,
        days => {
            let days: u16 = days.parse().map_err(|_| AppError::on("days", "Choose how long the key holds."))?;
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

/// An error as a sentence: `A name has 1 to 100 characters.`
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
    Extension(who): Extension<SignedIn>,
    Body(form): Body<RevokeForm>,
) -> Response {
    if !who.viewer.manages() {
        return status(&AppError::Forbidden).into_response();
    }
    match state.api_keys.revoke(who.org, form.id).await {
        Ok(true) => Redirect::to(&Flash::KeyRevoked.on("/keys")).into_response(),
        Ok(false) => status(&AppError::NotFound).into_response(),
        Err(error) => status(&internal(&error)).into_response(),
    }
}
