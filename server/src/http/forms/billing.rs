//! Buying a pack: the order is recorded, and the customer sent to Stripe to pay it.

use app::{backend::SignedIn, error::AppError, form::Form};
use axum::{
    Extension,
    extract::{Form as Body, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use brightmeter::names::PackName;
use serde::Deserialize;

use crate::{
    http::{
        AppState,
        backend::internal,
        pages::{Posted, again},
    },
    service::purchases::OrderError,
};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct BuyForm {
    id: String,
    pack: String,
}

pub(in crate::http) async fn buy(
    State(state): State<AppState>,
    Extension(who): Extension<SignedIn>,
    headers: HeaderMap,
    Body(form): Body<BuyForm>,
) -> Response {
    match order(&state, &who, form).await {
        Ok(url) => Redirect::to(&url).into_response(),
        Err(error) => {
            let form = Form { values: Vec::new(), error: Some(error) };
            again(&state, Posted::by(who, "/billing", headers), form).await
        }
    }
}

async fn order(state: &AppState, who: &SignedIn, form: BuyForm) -> Result<String, AppError> {
    if !who.viewer.manages() {
        return Err(AppError::Forbidden);
    }
    let stale = || AppError::on("pack", "This form was out of date. Please send it again.");
    let id = form.id.parse().map_err(|_| stale())?;
    let pack: PackName = form.pack.try_into().map_err(|_| stale())?;
    state.purchases.order(who.org, who.member, id, &pack).await.map_err(|error| match error {
        OrderError::UnknownPack => AppError::on("pack", "This pack is no longer sold. Choose one from the page."),
        OrderError::PlanWithoutAi => {
            AppError::on("pack", "Your plan includes no AI, so the tokens could not be spent. Take a paid plan first.")
        }
        OrderError::Suspended => AppError::on(
            "pack",
            "Support has suspended AI for your organization, so the tokens could not be spent. Ask support first.",
        ),
        OrderError::TooMany => AppError::on(
            "pack",
            "Many orders wait to be paid. Pay one of them, on Purchases and receipts, or come back in an hour.",
        ),
        OrderError::OtherOrder => stale(),
        OrderError::Gateway(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "an order could not be brought to Stripe");
            AppError::PaymentUnavailable
        }
        OrderError::Storage(error) => internal(&error),
    })
}
