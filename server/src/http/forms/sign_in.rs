//! Signing in and out, and switching organizations.

use app::{backend, error::AppError, flash::Flash, form::Form};
use axum::{
    Extension,
    extract::{Form as Body, State},
    http::{Extensions, HeaderMap},
    response::{IntoResponse, Redirect, Response},
};
use brightmeter::access::email::Email;
use serde::Deserialize;
use tower_sessions::Session;

use crate::{
    http::{
        AppState,
        backend::internal,
        client::Client,
        forms::throttled,
        known_browser,
        pages::{Posted, render_form_again, status},
        session::{self, local_path, sign_in_url},
    },
    service::{
        memberships,
        sign_in::{SignInError, SignedIn},
    },
};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub(in crate::http) struct SignInForm {
    email: String,
    password: String,
    next: String,
}

pub(in crate::http) async fn sign_in(
    State(state): State<AppState>,
    Extension(client): Extension<Client>,
    session: Session,
    headers: HeaderMap,
    Body(form): Body<SignInForm>,
) -> Response {
    let mut problems = Vec::new();
    let mut require = |valid: bool, field: &str, message: &str| {
        if !valid {
            problems.push((field.to_owned(), message.to_owned()));
        }
    };
    let email = form.email.parse::<Email>();
    require(email.is_ok(), "email", "Enter your email address.");
    require(!form.password.is_empty(), "password", "Enter your password.");
    require(form.password.len() <= 1_000, "password", "Passwords have at most 1,000 characters.");
    let result = match email {
        Ok(email) if problems.is_empty() => {
            let browser = known_browser::token(&headers, state.https);
            let signed_in = state.sign_in.sign_in(&email, &form.password, client.0, browser.as_deref());
            signed_in.await.map_err(|error| explain(&state, error))
        }
        _ => Err(AppError::Invalid { fields: problems }),
    };
    match result {
        Ok(SignedIn { user, membership, browser }) => {
            match session::start_session(&session, user, membership.as_ref(), state.clock.now()).await {
                Ok(()) => {
                    let is_staff_only = membership.is_none() && form.next.is_empty();
                    let to = if is_staff_only { "/admin" } else { local_path(&form.next) };
                    (known_browser::remember(browser), Redirect::to(to)).into_response()
                }
                Err(error) => status(&internal(&error)).into_response(),
            }
        }
        Err(error) => {
            let uri = sign_in_url(local_path(&form.next)).parse().unwrap_or_default();
            let values = vec![("email".into(), form.email), ("next".into(), form.next)];
            let form = Form { values, error: Some(error) };
            render_form_again(&state, Posted { uri, headers, extensions: Extensions::new() }, form).await
        }
    }
}

fn explain(state: &AppState, error: SignInError) -> AppError {
    let on_password = |message: &str| AppError::on("password", message);
    match error {
        SignInError::Wrong => on_password("Incorrect email or password."),
        SignInError::Throttled(limit) => on_password(&throttled(state, &limit)),
        SignInError::NoOrganization => {
            on_password("You're not in an organization yet. Ask the person who invited you.")
        }
        error @ (SignInError::Storage(_) | SignInError::Password(_)) => internal(&error),
    }
}

pub(in crate::http) async fn sign_out(session: Session) -> Response {
    end(session, Flash::SignedOut).await
}

/// Ends this session and confirms it on the sign-in page.
pub(super) async fn end(session: Session, flash: Flash) -> Response {
    match session.flush().await {
        Ok(()) => Redirect::to(&flash.on("/signin")).into_response(),
        Err(error) => status(&internal(&error)).into_response(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SwitchForm {
    org: String,
    #[serde(default)]
    next: String,
}

pub(in crate::http) async fn switch(
    State(state): State<AppState>,
    Extension(who): Extension<backend::SignedIn>,
    session: Session,
    Body(form): Body<SwitchForm>,
) -> Response {
    match memberships::find_by_slug(&state.pool, who.user, &form.org).await {
        Ok(Some(to)) => match session::switch_organization(&session, &to).await {
            Ok(()) => Redirect::to(&Flash::Switched.on(local_path(&form.next))).into_response(),
            Err(error) => status(&internal(&error)).into_response(),
        },
        Ok(None) => status(&AppError::NotFound).into_response(),
        Err(error) => status(&internal(&error)).into_response(),
    }
}
