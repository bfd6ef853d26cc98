//! Pages, rendered by Leptos, including a form's page after its submission was rejected.
//!
//! A page ignores query parameters that it doesn't know, because mail clients and campaigns add some to links. A known
//! parameter with an invalid value is shown with its error, or counts as absent. So no page responds 5xx to a query. (The
//! API refuses unknown parameters instead.)

use app::{
    backend::{SignedIn, StaffMember},
    error::AppError,
    form::Form,
    routes::{GuestPages, MemberPages, PublicPages, StaffPages},
    shell,
};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{
        Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use leptos::{
    config::Env,
    nonce::use_nonce,
    prelude::{IntoView, provide_context, use_context},
    server_fn::axum::server_fn_paths,
};
use leptos_axum::{
    AxumRouteListing, LeptosRoutes, ResponseOptions, generate_route_list, generate_route_list_with_exclusions,
    render_app_async_with_context,
};

use super::{AppState, api::is_api_request, headers::page_policy};

/// A path without a page.
const NO_PAGE: &str = "/not-found";

/// The pages for everyone, the server functions, and the 404 page for unknown paths.
pub(super) fn public(state: &AppState) -> Router<AppState> {
    let options = state.leptos.clone();
    let render = render_app_async_with_context(provide(state), move || shell(options.clone()));
    with_pages(state, generate_route_list(PublicPages)).fallback(move |mut request: Request| {
        // Leptos matches paths more loosely than axum, for example with a trailing slash. Such a request has passed no guard,
        // so it must not reach a page.
        *request.uri_mut() = Uri::from_static(NO_PAGE);
        render(request)
    })
}

/// The pages for people who are not signed in.
pub(super) fn guests(state: &AppState) -> Router<AppState> {
    with_pages(state, pages_only(GuestPages))
}

/// The pages for members of an organization.
pub(super) fn members(state: &AppState) -> Router<AppState> {
    with_pages(state, pages_only(MemberPages))
}

/// The pages for staff.
pub(super) fn staff(state: &AppState) -> Router<AppState> {
    with_pages(state, pages_only(StaffPages))
}

/// Leptos adds the server functions to each router that has pages, and a path may be in one router only.
fn pages_only<V: IntoView + 'static>(pages: impl Fn() -> V + 'static + Send + Clone) -> Vec<AxumRouteListing> {
    let server_functions = server_fn_paths().map(|(path, _)| path.to_owned()).collect();
    generate_route_list_with_exclusions(pages, Some(server_functions))
}

fn with_pages(state: &AppState, pages: Vec<AxumRouteListing>) -> Router<AppState> {
    let options = state.leptos.clone();
    Router::new().leptos_routes_with_context(state, pages, provide(state), move || shell(options.clone()))
}

fn provide(state: &AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    let (backend, demo) = (state.backend.clone(), state.demo_sign_ins.clone());
    let docs = state.docs.clone();
    // Development builds reload pages through a separate socket.
    let reload = (state.leptos.env == Env::DEV).then(|| format!("ws://127.0.0.1:{}", state.leptos.reload_port));
    move || {
        if let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>())
            && let Ok(policy) = HeaderValue::from_str(&page_policy(&nonce, reload.as_deref()))
        {
            response.insert_header(CONTENT_SECURITY_POLICY, policy);
        }
        provide_context(backend.clone());
        provide_context(docs.clone());
        if let Some(demo) = demo.clone() {
            provide_context(demo);
        }
    }
}

/// The parts of a form's request that are needed to render its page again.
pub(super) struct Posted {
    /// The URI of the page.
    pub(super) uri: Uri,
    /// The headers of the form's request, such as the language.
    pub(super) headers: HeaderMap,
    /// The extensions with the viewer.
    pub(super) extensions: Extensions,
}

impl Posted {
    /// A form on the page at `uri`, submitted by a member.
    pub(super) fn by(who: SignedIn, uri: &'static str, headers: HeaderMap) -> Self {
        let mut extensions = Extensions::new();
        extensions.insert(who);
        Self { uri: Uri::from_static(uri), headers, extensions }
    }

    /// A form in the staff console.
    pub(super) fn by_staff(staff: StaffMember, uri: Uri, headers: HeaderMap) -> Self {
        let mut extensions = Extensions::new();
        extensions.insert(staff);
        Self { uri, headers, extensions }
    }
}

/// Renders the page of a rejected form again, with the submitted values and the errors.
pub(super) async fn render_form_again(state: &AppState, posted: Posted, form: Form) -> Response {
    let status = form.error.as_ref().map_or(StatusCode::UNPROCESSABLE_ENTITY, status);
    (status, render(state, posted, form).await).into_response()
}

/// Renders a form's page with `outcome`, the result of the form, as a context value.
pub(super) async fn render<T: Clone + Send + Sync + 'static>(state: &AppState, posted: Posted, outcome: T) -> Response {
    let (context, options) = (provide(state), state.leptos.clone());
    let render = render_app_async_with_context(
        move || {
            context();
            provide_context(outcome.clone());
        },
        move || shell(options.clone()),
    );
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = posted.uri;
    *request.headers_mut() = posted.headers;
    *request.extensions_mut() = posted.extensions;
    render(request).await
}

/// Renders the error page instead of a 503 without a body: the database is unavailable, or the request took too long.
pub(super) async fn unavailable_as_page(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if is_api_request(&request) {
        return next.run(request).await;
    }
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let response = next.run(request).await;
    if response.status() != StatusCode::SERVICE_UNAVAILABLE || response.headers().contains_key(CONTENT_TYPE) {
        return response;
    }
    // A form may have taken effect.
    let error = if method.is_safe() { AppError::Unavailable } else { AppError::OutcomeUnknown };
    render(&state, Posted { uri: Uri::from_static(NO_PAGE), headers, extensions: Extensions::new() }, error).await
}

/// The HTTP status of an error.
pub(super) fn status(error: &AppError) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
