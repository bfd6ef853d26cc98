//! Guards around groups of routes: who may enter.

use app::{error::AppError, flash::Flash, form::Form};
use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

use super::{
    AppState,
    pages::{Posted, render_form_again, status},
    session::sign_in_url,
    viewer::ViewerIdentity,
};

/// Lets in people who are not signed in, and sends others to their home page.
pub(super) async fn guests_only(request: Request, next: Next) -> Response {
    match request.extensions().get::<ViewerIdentity>() {
        Some(viewer) if request.method() == Method::GET => Redirect::to(viewer.home()).into_response(),
        _ => next.run(request).await,
    }
}

/// Lets in members of an organization.
pub(super) async fn members_only(request: Request, next: Next) -> Response {
    match request.extensions().get::<ViewerIdentity>() {
        Some(ViewerIdentity::Member(..)) => next.run(request).await,
        Some(viewer @ ViewerIdentity::Staff(_)) if request.method() == Method::GET => {
            Redirect::to(viewer.home()).into_response()
        }
        Some(ViewerIdentity::Staff(_)) => status(&AppError::NotFound).into_response(),
        None => to_sign_in(&request),
    }
}

/// Lets in staff. Members who aren't staff get the 404 page, as if there were no staff console.
pub(super) async fn staff_only(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match request.extensions().get::<ViewerIdentity>() {
        Some(viewer) if viewer.staff().is_some() => next.run(request).await,
        Some(_) => not_found_page(&state, request).await,
        None => to_sign_in(&request),
    }
}

/// A page leads back to itself after the sign-in. A form cannot: what it sent is gone.
fn to_sign_in(request: &Request) -> Response {
    if request.method() == Method::GET {
        let next = request.uri().path_and_query().map_or("/dashboard", |path| path.as_str());
        return Redirect::to(&sign_in_url(next)).into_response();
    }
    Redirect::to(&Flash::SessionEnded.on("/signin")).into_response()
}

/// Responds with the 404 page, for any method.
async fn not_found_page(state: &AppState, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let posted = Posted { uri: parts.uri, headers: parts.headers, extensions: parts.extensions };
    render_form_again(state, posted, Form { values: Vec::new(), error: Some(AppError::NotFound) }).await
}
