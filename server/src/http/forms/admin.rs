//! The forms of the staff console. Only staff come this far: the session layer lets nobody else through.

use app::{
    backend::StaffMember,
    error::AppError,
    flash::Flash,
    views::admin::{Compared, FindingView, MendView},
};
use axum::{
    Extension,
    extract::{Form as Body, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Redirect, Response},
};
use brightmeter::ids::{OrgId, PurchaseId};
use serde::Deserialize;

use crate::{
    http::{
        AppState,
        backend::internal,
        pages::{Posted, render, status},
    },
    service::{
        reconcile::{Difference, Finding, Report},
        staff::ReconcileTimeoutError,
    },
};

/// The page that every comparison is shown on.
const RECONCILIATION_PATH: &str = "/admin/reconciliation";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ReplayForm {
    id: String,
}

pub(in crate::http) async fn replay(
    State(state): State<AppState>,
    Extension(staff): Extension<StaffMember>,
    Body(form): Body<ReplayForm>,
) -> Response {
    match state.staff.replay(staff.user, &form.id).await {
        Ok(true) => Redirect::to(&Flash::EventReplayed.on("/admin/events")).into_response(),
        Ok(false) => status(&AppError::NotFound).into_response(),
        Err(error) => status(&internal(&error)).into_response(),
    }
}

pub(in crate::http) async fn compare(
    State(state): State<AppState>,
    Extension(staff): Extension<StaffMember>,
    headers: HeaderMap,
) -> Response {
    let compared = state.staff.compare().await;
    show(&state, staff, headers, compared).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct MendForm {
    org: OrgId,
    purchase: Option<PurchaseId>,
}

pub(in crate::http) async fn mend(
    State(state): State<AppState>,
    Extension(staff): Extension<StaffMember>,
    headers: HeaderMap,
    Body(form): Body<MendForm>,
) -> Response {
    match state.staff.mend(staff.user, form.org, form.purchase).await {
        Ok(None) => status(&AppError::NotFound).into_response(),
        Ok(Some(report)) if report.is_settled() => {
            Redirect::to(&Flash::PurchaseMended.on(RECONCILIATION_PATH)).into_response()
        }
        // It has become what only a person can mend.
        Ok(Some(report)) => show(&state, staff, headers, Ok(report)).await,
        Err(error) => show(&state, staff, headers, Err(error)).await,
    }
}

/// The page with what came of a comparison.
async fn show(
    state: &AppState,
    staff: StaffMember,
    headers: HeaderMap,
    compared: Result<Report, ReconcileTimeoutError>,
) -> Response {
    let (code, compared) = match compared {
        Ok(Report { purchases, plans, findings }) => {
            (StatusCode::OK, Compared::Report { purchases, plans, findings: findings.into_iter().map(view).collect() })
        }
        Err(ReconcileTimeoutError::Busy) => (StatusCode::SERVICE_UNAVAILABLE, Compared::Busy),
        Err(error) if error.is_stripes() => {
            tracing::warn!(error = &error as &dyn std::error::Error, "purchases could not be compared with Stripe");
            (StatusCode::SERVICE_UNAVAILABLE, Compared::Unanswered)
        }
        Err(error) => return status(&internal(&error)).into_response(),
    };
    let posted = Posted::by_staff(staff, Uri::from_static(RECONCILIATION_PATH), headers);
    (code, render(state, posted, compared).await).into_response()
}

fn view(finding: Finding) -> FindingView {
    let Finding { org, purchase, kind, mended: _ } = finding;
    let (what, mend) = in_words(kind);
    FindingView { org: org.to_string(), purchase: purchase.map(|id| id.to_string()), what: what.into(), mend }
}

/// How a purchase or a plan differs, and what mends it.
const fn in_words(kind: Difference) -> (&'static str, MendView) {
    match kind {
        Difference::PaidNotCredited => {
            ("Paid, but not credited", MendView::TakeIn("Taking in what Stripe says credits the tokens, once."))
        }
        Difference::ReturnedOtherwise => (
            "Its refunds or disputes were not followed",
            MendView::TakeIn("Taking in what Stripe says takes or gives back the tokens that go with the money."),
        ),
        Difference::CreditedNotPaid => (
            "Credited, but not paid",
            MendView::Person(
                "Look at the payment in Stripe. If the money is not there, correct the organization's balance; nothing is taken by itself.",
            ),
        ),
        Difference::PlanOtherwise => (
            "The plan or its invoices stand otherwise",
            MendView::TakeIn("Taking in what Stripe says has the plan and the license follow it."),
        ),
        Difference::PlanUntold => (
            "Stripe does not tell how the plan stands",
            MendView::Person(
                "Look at the customer in Stripe: it may have been deleted there, or have more subscriptions than can be read.",
            ),
        ),
        Difference::PlanPaidTwice => (
            "More than one subscription is paid for",
            MendView::Person("The newest one counts. End the others in Stripe, and pay back what was paid for them."),
        ),
        Difference::AnotherPayment => (
            "Its session in Stripe is another order's",
            MendView::Person(
                "What Stripe says there is not believed. Look at the session in Stripe, and find out which order was paid.",
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_stands_where_the_mend_is_safe() {
        for kind in [
            Difference::PaidNotCredited,
            Difference::CreditedNotPaid,
            Difference::ReturnedOtherwise,
            Difference::AnotherPayment,
            Difference::PlanOtherwise,
            Difference::PlanUntold,
            Difference::PlanPaidTwice,
        ] {
            assert_eq!(matches!(in_words(kind).1, MendView::TakeIn(_)), kind.is_mendable(), "{kind:?}");
        }
    }
}
