//! Pages, rendered by Leptos; and a page rendered again after its form was refused.

use app::{
    App,
    backend::{SignedIn, StaffMember},
    error::AppError,
    form::Form,
    shell,
};
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header::CONTENT_SECURITY_POLICY},
    response::{IntoResponse, Response},
};
use leptos::{
    config::Env,
    nonce::use_nonce,
    prelude::{provide_context, use_context},
};
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list, render_app_async_with_context};

use super::{AppState, headers::page_policy};

impl axum::extract::FromRef<AppState> for leptos::config::LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

/// Every page and server function of the app; what is none is a page that says so.
pub(super) fn routes(state: &AppState) -> Router<AppState> {
    let (context, options) = (provide(state), state.leptos.clone());
    let render = render_app_async_with_context(provide(state), {
        let options = options.clone();
        move || shell(options.clone())
    });
    Router::new()
        .leptos_routes_with_context(state, generate_route_list(App), context, move || shell(options.clone()))
        .fallback(move |request: Request| render(request))
}

fn provide(state: &AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    let (backend, demo) = (state.backend.clone(), state.demo_sign_ins.clone());
    let docs = state.docs.clone();
    // A development build reloads pages by a socket of its own.
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

/// What of a form's request its page needs to be rendered again.
pub(super) struct Posted {
    /// The page's address.
    pub(super) uri: Uri,
    /// Headers, for the page's language and the like.
    pub(super) headers: HeaderMap,
    /// Who is signed in.
    pub(super) extensions: axum::http::Extensions,
}

impl Posted {
    /// A form on the page at `uri`, sent by whoever is signed in.
    pub(super) fn by(who: SignedIn, uri: &'static str, headers: HeaderMap) -> Self {
        let mut extensions = axum::http::Extensions::new();
        extensions.insert(who);
        Self { uri: Uri::from_static(uri), headers, extensions }
    }

    /// The same for a form of the staff console.
    pub(super) fn by_staff(staff: StaffMember, uri: Uri, headers: HeaderMap) -> Self {
        let mut extensions = axum::http::Extensions::new();
        extensions.insert(staff);
        Self { uri, headers, extensions }
    }
}

/// Renders the page of a refused form again, with what was typed and what is wrong.
pub(super) async fn again(state: &AppState, posted: Posted, form: Form) -> Response {
    let status = form.error.as_ref().map_or(StatusCode::UNPROCESSABLE_ENTITY, status);
    (status, render(state, posted, form).await).into_response()
}

/// Renders a form's page with what came of the form, in the page's context.
pub(super) async fn render<T: Clone + Send + Sync + 'static>(state: &AppState, posted: Posted, came: T) -> Response {
    let (context, options) = (provide(state), state.leptos.clone());
    let render = render_app_async_with_context(
        move || {
            context();
            provide_context(came.clone());
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

/// The status that says what kind of no it is.
pub(super) fn status(error: &AppError) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
