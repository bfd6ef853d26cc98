//! Buying a pack: records the order and redirects the user to Stripe to pay.

use app::{backend::SignedIn, error::AppError, form::Form};
use axum::{
    extract::{Form as Body, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use brightmeter::{access::role::Action, names::PackName};
use serde::Deserialize;

use crate::{
    http::{
        AppState,
        backend::internal,
        pages::{Posted, render_form_again},
        permitted::{Permission, Permitted},
    },
    service::purchases::OrderError,
};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct BuyForm {
    id: String,
    pack: String,
    currency: String,
}

/// Ordering a pack.
pub(in crate::http) struct BuyPacks;

impl Permission for BuyPacks {
    const ACTION: Action = Action::BuyPacks;
    const PAGE: &'static str = "/billing";
}

pub(in crate::http) async fn buy(
    State(state): State<AppState>,
    Permitted { who, .. }: Permitted<BuyPacks>,
    headers: HeaderMap,
    Body(form): Body<BuyForm>,
) -> Response {
    let values = vec![("currency".into(), form.currency.clone())];
    match order(&state, &who, form).await {
        Ok(url) => Redirect::to(&url).into_response(),
        Err(error) => {
            let form = Form { values, error: Some(error) };
            render_form_again(&state, Posted::by(who, "/billing", headers), form).await
        }
    }
}

async fn order(state: &AppState, who: &SignedIn, form: BuyForm) -> Result<String, AppError> {
    let stale = || AppError::on("pack", "This form is out of date. Please submit it again.");
    let id = form.id.parse().map_err(|_| stale())?;
    let pack: PackName = form.pack.try_into().map_err(|_| stale())?;
    state.purchases.order(who.org, who.member, id, &pack, form.currency.parse().ok()).await.map_err(|error| match error
    {
        OrderError::UnknownPack => AppError::on("pack", "This pack is no longer available. Choose another one."),
        OrderError::PlanWithoutAi => AppError::on(
            "pack",
            "Your plan doesn't include AI, so you couldn't use the tokens. Choose a paid plan first.",
        ),
        OrderError::Suspended => AppError::on(
            "pack",
            "Support has suspended AI for your organization, so you couldn't use the tokens. Contact support first.",
        ),
        OrderError::TooMany => AppError::on(
            "pack",
            "You have too many unpaid orders. Pay one under Purchases and receipts, or try again in an hour.",
        ),
        OrderError::IdReused => stale(),
        OrderError::Gateway(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "an order could not be created at Stripe");
            AppError::PaymentUnavailable
        }
        OrderError::Storage(error) => internal(&error),
    })
}
