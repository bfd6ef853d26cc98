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
    let asked = backend();
    Suspend::new(async move {
        let viewer = match asked {
            Ok((backend, who)) => backend.viewer(who).await.ok(),
            Err(_) => None,
        };
        view! { <ErrorPage error=AppError::NotFound viewer /> }
    })
}
