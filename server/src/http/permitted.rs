//! The extractor that consults the permission table.

use std::marker::PhantomData;

use app::{backend::SignedIn, error::AppError, form::Form};
use axum::{
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use brightmeter::access::role::{Action, Forbidden};

use super::{
    AppState,
    pages::{Posted, render_form_again, status},
};

/// A form or file that needs a permission.
pub(in crate::http) trait Permission: Send + Sync {
    /// The action that the member's role must permit.
    const ACTION: Action;
    /// The page that shows the refusal.
    const PAGE: &'static str;
}

/// A signed-in member whose role permits the action of `P`. Anyone else gets `P`'s page with status 403.
pub(in crate::http) struct Permitted<P> {
    /// The member.
    pub(in crate::http) who: SignedIn,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequestParts<AppState> for Permitted<P> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let Some(who) = parts.extensions.get::<SignedIn>().cloned() else {
            return Err(status(&AppError::SignInRequired).into_response());
        };
        match who.authorize(P::ACTION) {
            Ok(()) => Ok(Self { who, permission: PhantomData }),
            Err(Forbidden) => {
                let posted = Posted::by(who, P::PAGE, parts.headers.clone());
                let form = Form { values: Vec::new(), error: Some(AppError::Forbidden) };
                Err(render_form_again(state, posted, form).await)
            }
        }
    }
}
