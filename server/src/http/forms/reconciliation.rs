//! The forms of `/admin/reconciliation`. The `staff_only` guard admits only staff.
//!
//! Nothing is stored between two requests: the page carries its report, and each form sends it back. So a comparison
//! that continues, a fix, and an error keep the findings shown.

use app::{
    backend::StaffMember,
    error::AppError,
    views::admin::{Compared, FindingView, FixView, NotCompared, ReportView},
};
use axum::{
    Extension,
    extract::{Form as Body, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use crate::{
    http::{
        AppState,
        backend::internal,
        pages::{Posted, render, status},
    },
    service::staff::reconciliation::{ComparisonError, Finding, MAX_FINDINGS, Report},
};

/// The page that shows the result of a comparison.
const PATH: &str = "/admin/reconciliation";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct CompareForm {
    /// The report to continue, as JSON. Without it, the comparison begins.
    report: Option<String>,
}

pub(in crate::http) async fn compare(
    State(state): State<AppState>,
    Extension(staff): Extension<StaffMember>,
    headers: HeaderMap,
    Body(form): Body<CompareForm>,
) -> Response {
    let report = match form.report.map(|report| parse(&report)).transpose() {
        Ok(report) => report,
        Err(error) => return status(&error).into_response(),
    };
    let compared = state.staff.compare(report.as_ref()).await;
    show(&state, staff, headers, report, compared).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct FixForm {
    /// The report shown, as JSON.
    report: String,
    /// The index of the finding to fix. Without it, all findings that have a safe fix are fixed.
    finding: Option<usize>,
}

pub(in crate::http) async fn fix(
    State(state): State<AppState>,
    Extension(staff): Extension<StaffMember>,
    headers: HeaderMap,
    Body(form): Body<FixForm>,
) -> Response {
    let report = match parse(&form.report) {
        Ok(report) => report,
        Err(error) => return status(&error).into_response(),
    };
    let fixed = state.staff.fix(staff.user, report.clone(), form.finding).await;
    show(&state, staff, headers, Some(report), fixed).await
}

fn parse(report: &str) -> Result<Report, AppError> {
    serde_json::from_str(report).map_err(|_| AppError::Invalid { fields: Vec::new() })
}

/// Renders the page with the result or, if there is none, with the report that was sent and the reason.
async fn show(
    state: &AppState,
    staff: StaffMember,
    headers: HeaderMap,
    sent: Option<Report>,
    result: Result<Report, ComparisonError>,
) -> Response {
    let (code, report, problem) = match result {
        Ok(report) => (StatusCode::OK, Some(report), None),
        Err(ComparisonError::NotFixable) => return status(&AppError::NotFound).into_response(),
        Err(ComparisonError::Busy) => (StatusCode::SERVICE_UNAVAILABLE, sent, Some(NotCompared::Busy)),
        Err(ComparisonError::Unanswered) => {
            tracing::warn!("purchases and plans could not be compared: Stripe did not answer");
            (StatusCode::SERVICE_UNAVAILABLE, sent, Some(NotCompared::Unanswered))
        }
        Err(ComparisonError::Storage(error)) => {
            let error = internal(&error);
            (status(&error), sent, Some(NotCompared::Failed(error)))
        }
    };
    let report = match report.map(view).transpose() {
        Ok(report) => report,
        Err(error) => return status(&internal(&error)).into_response(),
    };
    let posted = Posted::by_staff(staff, Uri::from_static(PATH), headers);
    (code, render(state, posted, Compared { report, problem }).await).into_response()
}

fn view(report: Report) -> serde_json::Result<ReportView> {
    Ok(ReportView {
        carried: serde_json::to_string(&report)?,
        purchases: report.purchases,
        plans: report.plans,
        fixed: report.fixed,
        unanswered: report.unanswered,
        complete: report.next.is_none(),
        full: report.findings.iter().filter(|finding| !finding.fixed).count() >= MAX_FINDINGS,
        findings: report.findings.iter().map(finding_view).collect(),
    })
}

fn finding_view(finding: &Finding) -> FindingView {
    let Finding { org, purchase, kind, fixed } = finding;
    let fix = match (fixed, finding.is_fixable()) {
        (true, _) => FixView::Fixed,
        (false, true) => FixView::Apply(kind.remedy()),
        (false, false) => FixView::Manual(kind.remedy()),
    };
    FindingView { org: org.to_string(), purchase: purchase.map(|id| id.to_string()), what: kind.label(), fix }
}
