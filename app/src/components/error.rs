//! Error pages and error notices.

use leptos::prelude::*;
use leptos_meta::Meta;

use crate::{
    components::{Frame, RefusalNotice, Section},
    error::AppError,
    views::{RefusalView, Viewer},
};

/// The time after which the page of an outage loads again, in seconds.
const REFRESH_SECONDS: &str = "5";

/// A page that shows an error and a way to continue.
#[component]
pub fn ErrorPage(
    /// The error.
    error: AppError,
    /// The viewer, if signed in.
    viewer: Option<Viewer>,
) -> impl IntoView {
    let (title, link, address) = match &error {
        AppError::NotFound => ("Page not found", "Go to the dashboard", "/dashboard"),
        AppError::SignInRequired => ("Sign in to continue", "Sign in", "/signin"),
        AppError::Forbidden | AppError::Refused { .. } => {
            ("You don't have access", "Go to the dashboard", "/dashboard")
        }
        AppError::Unavailable => ("We'll be right back", "Try again", ""),
        AppError::Busy | AppError::PaymentUnavailable | AppError::OutcomeUnknown => {
            ("Please try again", "Try again", "")
        }
        AppError::Invalid { .. } => ("This address isn't valid", "Go to the dashboard", "/dashboard"),
        AppError::Internal { .. } => ("Something went wrong", "Try again", ""),
    };
    let refresh =
        (error == AppError::Unavailable).then(|| view! { <Meta http_equiv="refresh" content=REFRESH_SECONDS /> });
    view! {
        <Frame viewer section=Section::Other title>
            {refresh}
            <div class="mx-auto max-w-xl py-10">
                <h1 class="text-3xl font-semibold tracking-tight">{title}</h1>
                <p class="mt-3 text-lg text-muted">{error.to_string()}</p>
                <p class="mt-8">
                    <a class="btn" href=address>
                        {link}
                    </a>
                </p>
            </div>
        </Frame>
    }
}

/// An error that concerns a form as a whole.
#[component]
pub fn ErrorNotice(
    /// The error.
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
