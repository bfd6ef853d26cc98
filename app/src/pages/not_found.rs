//! The page for unknown URLs, and for errors before a page is reached.

use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use crate::{
    backend::backend,
    components::{ErrorPage, answer_error},
    error::AppError,
};

/// The page of the error in the context. Without one: "not found", with status 404.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    let error = use_context::<AppError>().unwrap_or(AppError::NotFound);
    answer_error(use_context::<ResponseOptions>().as_ref(), &error, "/signin");
    let viewer = backend().ok().map(|(_, who)| who.viewer);
    view! { <ErrorPage error viewer /> }
}
