//! Errors, in words.

use leptos::prelude::*;

use crate::{
    components::{Frame, Place, RefusalNotice},
    error::AppError,
    views::{RefusalView, Viewer},
};

/// A page that says what went wrong and where to go from here.
#[component]
pub fn ErrorPage(
    /// What went wrong.
    error: AppError,
    /// Who is looking, if that can be said.
    viewer: Option<Viewer>,
) -> impl IntoView {
    let (title, way_out, address) = match &error {
        AppError::NotFound => ("Page not found", "Go to the dashboard", "/dashboard"),
        AppError::SignInRequired => ("Please sign in", "Sign in", "/signin"),
        AppError::Forbidden | AppError::Refused { .. } => ("Not allowed", "Go to the dashboard", "/dashboard"),
        AppError::Busy | AppError::PaymentUnavailable | AppError::OutcomeUnknown => {
            ("One moment, please", "Try again", "")
        }
        AppError::Invalid { .. } => ("That address is not right", "Go to the dashboard", "/dashboard"),
        AppError::Internal { .. } => ("Something went wrong", "Try again", ""),
    };
    view! {
        <Frame viewer place=Place::Elsewhere title>
            <div class="mx-auto max-w-xl py-10">
                <h1 class="text-3xl font-semibold tracking-tight">{title}</h1>
                <p class="mt-3 text-lg text-muted">{error.to_string()}</p>
                <p class="mt-8">
                    <a class="btn" href=address>
                        {way_out}
                    </a>
                </p>
            </div>
        </Frame>
    }
}

/// What is wrong with a form as a whole.
#[component]
pub fn ErrorNotice(
    /// What went wrong.
    error: AppError,
) -> impl IntoView {
    match error {
        AppError::Refused { refusal } => {
            view! { <RefusalNotice refused=RefusalView { refusal, until: None } alert=true /> }.into_any()
        }
        other => view! {
            <div role="alert" class="notice notice-bad">
                <p class="font-semibold">{other.to_string()}</p>
            </div>
        }
        .into_any(),
    }
}
