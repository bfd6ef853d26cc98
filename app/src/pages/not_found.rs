//! The page for unknown URLs.

use axum::http::StatusCode;
use leptos::prelude::*;

use crate::{
    backend::backend,
    components::{ErrorPage, answer_with},
    error::AppError,
};

/// The "not found" page, with status 404.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    answer_with(StatusCode::NOT_FOUND);
    let viewer = backend().ok().map(|(_, who)| who.viewer);
    view! { <ErrorPage error=AppError::NotFound viewer /> }
}
