//! The forms of the staff console. The `staff_only` guard admits only staff.

use app::{
    backend::StaffMember,
    error::AppError,
    flash::Flash,
    views::admin::{Compared, FindingView, FixView},
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
        staff::ComparisonError,
    },
};

/// The page that shows the result of a comparison.
const RECONCILIATION_PATH: &str = "/admin/reconciliation";

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
pub(in crate::http) struct FixForm {
    org: OrgId,
    purchase: Option<PurchaseId>,
}

pub(in crate::http) async fn fix(
    State(state): State<AppState>,
    Extension(staff): Extension<StaffMember>,
    headers: HeaderMap,
    Body(form): Body<FixForm>,
) -> Response {
    match state.staff.fix(staff.user, form.org, form.purchase).await {
        Ok(None) => status(&AppError::NotFound).into_response(),
        Ok(Some(report)) if report.is_resolved() => {
            Redirect::to(&Flash::PurchaseFixed.on(RECONCILIATION_PATH)).into_response()
        }
        // The difference has changed and now needs attention.
        Ok(Some(report)) => show(&state, staff, headers, Ok(report)).await,
        Err(error) => show(&state, staff, headers, Err(error)).await,
    }
}

/// Renders the page with the result of a comparison.
async fn show(
    state: &AppState,
    staff: StaffMember,
    headers: HeaderMap,
    compared: Result<Report, ComparisonError>,
) -> Response {
    let (code, compared) = match compared {
        Ok(report) if report.is_unanswered() => (StatusCode::SERVICE_UNAVAILABLE, Compared::Unanswered),
        Ok(Report { purchases, plans, findings, unanswered: _ }) => {
            (StatusCode::OK, Compared::Report { purchases, plans, findings: findings.into_iter().map(view).collect() })
        }
        Err(ComparisonError::Busy) => (StatusCode::SERVICE_UNAVAILABLE, Compared::Busy),
        Err(error) if error.is_stripe_failure() => {
            tracing::warn!(error = &error as &dyn std::error::Error, "purchases could not be compared with Stripe");
            (StatusCode::SERVICE_UNAVAILABLE, Compared::Unanswered)
        }
        Err(error) => return status(&internal(&error)).into_response(),
    };
    let posted = Posted::by_staff(staff, Uri::from_static(RECONCILIATION_PATH), headers);
    (code, render(state, posted, compared).await).into_response()
}

fn view(finding: Finding) -> FindingView {
    let Finding { org, purchase, kind, fixed: _ } = finding;
    let (difference, fix) = describe(kind);
    FindingView { org: org.to_string(), purchase: purchase.map(|id| id.to_string()), what: difference.into(), fix }
}

/// Describes how a purchase or a plan differs, and how to fix it.
const fn describe(kind: Difference) -> (&'static str, FixView) {
    match kind {
        Difference::PaidNotCredited => {
            ("Paid, but not credited", FixView::Apply("Applying Stripe's state credits the tokens once."))
        }
        Difference::RefundsDiffer => (
            "Refunds or disputes weren't applied",
            FixView::Apply("Applying Stripe's state takes back or returns the tokens for that money."),
        ),
        Difference::CreditedNotPaid => (
            "Credited, but not paid",
            FixView::Manual(
                "Check the payment in Stripe. If the money isn't there, correct the organization's balance. Tokens aren't taken back automatically.",
            ),
        ),
        Difference::PlanDiffers => (
            "The plan or its invoices differ",
            FixView::Apply("Applying Stripe's state updates the plan and the license."),
        ),
        Difference::PlanUnreadable => (
            "Stripe doesn't report the state of the plan",
            FixView::Manual(
                "Compare again. If this stays, check the customer in Stripe: it may have more subscriptions than we can read, or one with a status we don't know.",
            ),
        ),
        Difference::PaymentUnreadable => (
            "Stripe doesn't report the state of the payment",
            FixView::Manual("Compare again. If this stays, check the payment in Stripe: its session may be gone."),
        ),
        Difference::UnknownPlan => (
            "A price names an unknown plan",
            FixView::Manual(
                "The last known plan stays in force. Correct brightmeter_plan in the metadata of the price in Stripe.",
            ),
        ),
        Difference::DuplicateSubscriptions => (
            "More than one plan is paid for",
            FixView::Manual("The largest paid plan counts. Cancel the others in Stripe and refund their payments."),
        ),
        Difference::AnotherPayment => (
            "The Stripe session belongs to another order",
            FixView::Manual(
                "Stripe's state isn't applied. Check the session in Stripe and find out which order was paid.",
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_fixes_have_a_button() {
        for kind in [
            Difference::PaidNotCredited,
            Difference::CreditedNotPaid,
            Difference::RefundsDiffer,
            Difference::AnotherPayment,
            Difference::PlanDiffers,
            Difference::PaymentUnreadable,
            Difference::PlanUnreadable,
            Difference::UnknownPlan,
            Difference::DuplicateSubscriptions,
        ] {
            assert_eq!(matches!(describe(kind).1, FixView::Apply(_)), kind.is_fixable(), "{kind:?}");
        }
    }
}
