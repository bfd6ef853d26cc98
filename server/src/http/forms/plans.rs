//! Choosing a plan, and opening Stripe's customer portal.

use app::{backend::SignedIn, error::AppError, flash::Flash, form::Form};
use axum::{
    Extension,
    extract::{Form as Body, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use brightmeter::{
    access::role::Action,
    billing::plan_change::PlanChange,
    names::PlanName,
    time::{Instant, RequestedInstant},
};
use serde::Deserialize;
use tokio::time::timeout;

use crate::{
    deadlines::STRIPE,
    http::{
        AppState,
        backend::{internal, plans::plan_error_message, submit_error},
        pages::{Posted, render_form_again},
        permitted::{Permission, Permitted},
    },
    service::{
        plans::{Choice, Next, PlanError},
        purchases::SyncError,
    },
    stripe::gateway::GatewayError,
};

/// The query string of the return from Stripe.
#[derive(Deserialize)]
pub(in crate::http) struct ReturnQuery {
    /// Present if the user left Checkout before paying.
    left: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct ChoiceForm {
    id: String,
    plan: String,
    currency: String,
    plan_change: String,
    from: String,
}

/// Subscribing to, changing or canceling a plan.
pub(in crate::http) struct ChangePlan;

impl Permission for ChangePlan {
    const ACTION: Action = Action::ChangePlan;
    const PAGE: &'static str = "/billing";
}

/// Opening Stripe's customer portal.
pub(in crate::http) struct OpenCustomerPortal;

impl Permission for OpenCustomerPortal {
    const ACTION: Action = Action::OpenCustomerPortal;
    const PAGE: &'static str = "/billing";
}

pub(in crate::http) async fn choose(
    State(state): State<AppState>,
    Permitted { who, .. }: Permitted<ChangePlan>,
    headers: HeaderMap,
    Body(form): Body<ChoiceForm>,
) -> Response {
    match choice(&state, &who, &form).await {
        Ok(Next::Pay(url) | Next::Confirm(url)) => Redirect::to(&url).into_response(),
        Ok(Next::Done) => Redirect::to(&Flash::PlanChosen.on("/billing")).into_response(),
        Err(error) => {
            let mut values = vec![("plan".into(), form.plan), ("currency".into(), form.currency)];
            if let AppError::OutcomeUnknown = error {
                values.extend([
                    ("id".into(), form.id),
                    ("plan_change".into(), form.plan_change),
                    ("from".into(), form.from),
                ]);
            }
            let form = Form { values, error: Some(error) };
            render_form_again(&state, Posted::by(who, "/billing/plan", headers), form).await
        }
    }
}

pub(in crate::http) async fn portal(
    State(state): State<AppState>,
    Permitted { who, .. }: Permitted<OpenCustomerPortal>,
    headers: HeaderMap,
) -> Response {
    let url = state.plans.open_portal(who.org).await.map_err(explain);
    match url {
        Ok(url) => Redirect::to(&url).into_response(),
        Err(error) => {
            let form = Form { values: Vec::new(), error: Some(error) };
            render_form_again(&state, Posted::by(who, "/billing", headers), form).await
        }
    }
}

/// Handles the return from Stripe. Syncs the subscription before redirecting, as its webhook events may arrive later.
pub(in crate::http) async fn return_from_stripe(
    State(state): State<AppState>,
    Extension(who): Extension<SignedIn>,
    Query(query): Query<ReturnQuery>,
) -> Redirect {
    if who.authorize(Action::ChangePlan).is_ok() {
        let synced = timeout(STRIPE, state.plans.refresh_from_stripe(who.org)).await;
        let synced = synced.unwrap_or_else(|_| Err(GatewayError::Unavailable("the request timed out".into()).into()));
        if let Err(error) = synced {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a subscription could not be refreshed from Stripe"
            );
        }
    }
    match query.left {
        Some(_) => Redirect::to(&Flash::CheckoutLeft.on("/billing")),
        None => Redirect::to("/billing"),
    }
}

async fn choice(state: &AppState, who: &SignedIn, form: &ChoiceForm) -> Result<Next, AppError> {
    let stale = || explain(PlanError::Outdated);
    let id = form.id.parse().map_err(|_| stale())?;
    let plan: PlanName = form.plan.parse().map_err(|_| stale())?;
    let from = form.from.parse().ok().and_then(|seconds| Instant::from_timestamp(seconds, 0));
    let from = from.and_then(|at| RequestedInstant::try_from(at).ok()).ok_or_else(stale)?.get();
    let plan_change = PlanChange::parse(&form.plan_change).ok_or_else(stale)?;
    let choice = Choice { plan: &plan, currency: form.currency.parse().ok(), plan_change, from };
    state.plans.choose(who.org, who.member, id, choice).await.map_err(explain)
}

fn explain(error: PlanError) -> AppError {
    match error {
        PlanError::Gateway(
            GatewayError::Declined | GatewayError::NeedsConfirmation | GatewayError::NoPaymentMethod,
        ) => {}
        PlanError::Gateway(source) => {
            tracing::warn!(error = &source as &dyn std::error::Error, "a plan change could not be made at Stripe");
            return AppError::PaymentUnavailable;
        }
        PlanError::Unconfirmed(source) => {
            tracing::warn!(error = &source as &dyn std::error::Error, "a plan change was not confirmed by Stripe");
            return AppError::OutcomeUnknown;
        }
        PlanError::Sync(SyncError::Submit(error)) => return submit_error(error),
        PlanError::Sync(_) | PlanError::Storage(_) => return internal(&error),
        _ => {}
    }
    AppError::on("plan", plan_error_message(&error))
}
