//! Every address that leads nowhere.

use axum::http::StatusCode;
use leptos::prelude::*;

use crate::{
    backend::backend,
    components::{ErrorPage, answer_with},
    error::AppError,
};

/// Says that there is nothing here, within the frame of whoever is looking.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    answer_with(StatusCode::NOT_FOUND);
    let viewer = backend().ok().map(|(_, who)| who.viewer);
    view! { <ErrorPage error=AppError::NotFound viewer /> }
}
