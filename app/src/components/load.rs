//! Loading of a page's data: one backend call, and the error page and status if it fails.

use std::{future::Future, sync::Arc};

use axum::http::{
    HeaderName, HeaderValue, StatusCode,
    header::{LOCATION, RETRY_AFTER},
    request::Parts,
};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_router::location::Url;

use crate::{
    backend::{Backend, SignedIn, StaffMember, backend, staff_backend},
    components::{AdminErrorPage, ErrorPage},
    error::AppError,
    views::Viewer,
};

/// Loads a page's data and renders the page, or an error page with the error's status. Without a session it redirects
/// to `/signin`.
pub fn load<V, Answer>(
    fetch: impl FnOnce(Arc<dyn Backend>, SignedIn) -> Answer + Send + 'static,
    page: impl FnOnce(Viewer, V) -> AnyView + Send + 'static,
) -> AnyView
where
    V: Send + 'static,
    Answer: Future<Output = Result<V, AppError>> + Send + 'static,
{
    load_for(
        backend(),
        fetch,
        |who, view| page(who.viewer, view),
        |error, who| view! { <ErrorPage error viewer=who.map(|who| who.viewer) /> }.into_any(),
    )
}

/// Does the same for a page of the staff console. Members who aren't staff get "not found".
pub fn load_staff<V, Answer>(
    fetch: impl FnOnce(Arc<dyn Backend>, StaffMember) -> Answer + Send + 'static,
    page: impl FnOnce(StaffMember, V) -> AnyView + Send + 'static,
) -> AnyView
where
    V: Send + 'static,
    Answer: Future<Output = Result<V, AppError>> + Send + 'static,
{
    load_for(staff_backend(), fetch, page, |error, staff| match staff {
        Some(staff) => view! { <AdminErrorPage error staff /> }.into_any(),
        None => {
            let viewer = backend().ok().map(|(_, who)| who.viewer);
            view! { <ErrorPage error viewer /> }.into_any()
        }
    })
}

fn load_for<Who, V, Answer>(
    found: Result<(Arc<dyn Backend>, Who), AppError>,
    fetch: impl FnOnce(Arc<dyn Backend>, Who) -> Answer + Send + 'static,
    page: impl FnOnce(Who, V) -> AnyView + Send + 'static,
    failed: impl FnOnce(AppError, Option<Who>) -> AnyView + Send + 'static,
) -> AnyView
where
    Who: Clone + Send + 'static,
    V: Send + 'static,
    Answer: Future<Output = Result<V, AppError>> + Send + 'static,
{
    // Read the request now: after an await the context may be missing.
    let response = use_context::<ResponseOptions>();
    let sign_in = sign_in_address();
    let (backend, who) = match found {
        Ok(both) => both,
        Err(error) => {
            answer_error(response.as_ref(), &error, &sign_in);
            return failed(error, None);
        }
    };
    Suspend::new(async move {
        match fetch(backend, who.clone()).await {
            Ok(view) => page(who, view),
            Err(error) => {
                answer_error(response.as_ref(), &error, &sign_in);
                failed(error, Some(who))
            }
        }
    })
    .into_any()
}

/// Sets the HTTP status and the headers of the error page being rendered. `sign_in` is the address of the sign-in page.
pub fn answer_error(response: Option<&ResponseOptions>, error: &AppError, sign_in: &str) {
    let Some(response) = response else { return };
    let (status, header): (u16, Option<(HeaderName, &str)>) = match error {
        // A page that needs a session redirects to the sign-in page.
        AppError::SignInRequired => (303, Some((LOCATION, sign_in))),
        AppError::Busy | AppError::Unavailable | AppError::OutcomeUnknown => (error.status(), Some((RETRY_AFTER, "2"))),
        _ => (error.status(), None),
    };
    response.set_status(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    if let Some((name, text)) = header
        && let Ok(value) = HeaderValue::from_str(text)
    {
        response.insert_header(name, value);
    }
}

/// Returns the URL of the sign-in page, which leads back to this page.
fn sign_in_address() -> String {
    let here = use_context::<Parts>().and_then(|parts| parts.uri.path_and_query().map(|here| here.as_str().to_owned()));
    here.map_or_else(|| "/signin".into(), |here| format!("/signin?next={}", Url::escape(&here)))
}
