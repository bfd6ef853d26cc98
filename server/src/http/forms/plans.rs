//! Choosing a plan, and the way to Stripe's page for invoices and cards.

use app::{backend::SignedIn, error::AppError, flash::Flash, form::Form};
use axum::{
    Extension,
    extract::{Form as Body, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use brightmeter::{billing::plan_change::PlanChange, names::PlanName, time::Instant};
use serde::Deserialize;
use tokio::time::timeout;

use crate::{
    http::{
        AppState,
        backend::{internal, plans::in_words, submit_error},
        pages::{Posted, again},
    },
    service::{
        plans::{Next, PlanError, STRIPE_TIMEOUT},
        purchases::SettleError,
    },
    stripe::gateway::GatewayError,
};

/// How somebody comes back from Stripe.
#[derive(Deserialize)]
pub(in crate::http) struct Way {
    /// There, if they left before paying.
    left: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct ChoiceForm {
    id: String,
    plan: String,
    plan_change: String,
    from: String,
}

pub(in crate::http) async fn choose(
    State(state): State<AppState>,
    Extension(who): Extension<SignedIn>,
    headers: HeaderMap,
    Body(form): Body<ChoiceForm>,
) -> Response {
    match choice(&state, &who, &form).await {
        Ok(Next::Pay(url)) => Redirect::to(&url).into_response(),
        Ok(Next::Done) => Redirect::to(&Flash::PlanChosen.on("/billing")).into_response(),
        Err(error) => {
            let mut values = vec![("plan".into(), form.plan)];
            if let AppError::OutcomeUnknown = error {
                values.extend([
                    ("id".into(), form.id),
                    ("course".into(), form.plan_change),
                    ("from".into(), form.from),
                ]);
            }
            let form = Form { values, error: Some(error) };
            again(&state, Posted::by(who, "/billing/plan", headers), form).await
        }
    }
}

pub(in crate::http) async fn portal(
    State(state): State<AppState>,
    Extension(who): Extension<SignedIn>,
    headers: HeaderMap,
) -> Response {
    let url = match who.viewer.manages() {
        true => state.plans.portal(who.org).await.map_err(explain),
        false => Err(AppError::Forbidden),
    };
    match url {
        Ok(url) => Redirect::to(&url).into_response(),
        Err(error) => {
            let form = Form { values: Vec::new(), error: Some(error) };
            again(&state, Posted::by(who, "/billing", headers), form).await
        }
    }
}

/// Where Stripe sends people back to. How things stand there is taken in before any page is made of it: its events may come later.
pub(in crate::http) async fn back(
    State(state): State<AppState>,
    Extension(who): Extension<SignedIn>,
    Query(way): Query<Way>,
) -> Redirect {
    if who.viewer.manages() {
        let looked = timeout(STRIPE_TIMEOUT, state.plans.look_again(who.org)).await;
        let looked = looked.unwrap_or_else(|_| Err(GatewayError::Unavailable("it took too long".into()).into()));
        if let Err(error) = looked {
            tracing::warn!(error = &error as &dyn std::error::Error, "Stripe could not be asked about a plan");
        }
    }
    match way.left {
        Some(_) => Redirect::to(&Flash::CheckoutLeft.on("/billing")),
        None => Redirect::to("/billing"),
    }
}

async fn choice(state: &AppState, who: &SignedIn, form: &ChoiceForm) -> Result<Next, AppError> {
    if !who.viewer.manages() {
        return Err(AppError::Forbidden);
    }
    let stale = || explain(PlanError::OtherOrder);
    let id = form.id.parse().map_err(|_| stale())?;
    let plan: PlanName = form.plan.parse().map_err(|_| stale())?;
    let from = form.from.parse().ok().and_then(|seconds| Instant::from_timestamp(seconds, 0)).ok_or_else(stale)?;
    let plan_change = PlanChange::parse(&form.plan_change).ok_or_else(stale)?;
    state.plans.choose(who.org, who.member, id, &plan, (plan_change, from)).await.map_err(explain)
}

fn explain(error: PlanError) -> AppError {
    match error {
        PlanError::Gateway(GatewayError::Declined) => {}
        PlanError::Gateway(source) => {
            tracing::warn!(error = &source as &dyn std::error::Error, "a choice could not be brought to Stripe");
            return AppError::PaymentUnavailable;
        }
        PlanError::Unconfirmed(source) => {
            tracing::warn!(error = &source as &dyn std::error::Error, "a choice is not confirmed by Stripe");
            return AppError::OutcomeUnknown;
        }
        PlanError::Settle(SettleError::Submit(error)) => return submit_error(error),
        PlanError::Settle(_) | PlanError::Storage(_) => return internal(&error),
        _ => {}
    }
    AppError::on("plan", in_words(&error))
}
