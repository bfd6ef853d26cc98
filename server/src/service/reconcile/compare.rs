//! The comparison of one plan or purchase.

use std::error::Error;

use brightmeter::{
    billing::{payment::Stage, standing::Problem},
    ids::OrgId,
    time::Instant,
};

use super::{Compared, Difference, Finding, Plans, Position, Purchases, Subject};
use crate::{service::purchases::SyncError, storage::purchases::Order, stripe::gateway::GatewayError};

/// Compares a plan, with the invoices paid at or after `since`, or a purchase with Stripe. With `fix`, fixes a difference that has a safe fix.
pub(super) async fn compare(
    purchases: &Purchases,
    plans: &Plans,
    subject: Subject,
    (since, fix): (Instant, bool),
) -> Compared {
    let (position, compared) = match &subject {
        Subject::Plan(org) => (Position { org: *org, purchase: None }, compare_plan(plans, *org, (since, fix)).await),
        Subject::Purchase(org, order) => {
            let position = Position { org: *org, purchase: Some(order.purchase.id) };
            (position, compare_purchase(purchases, *org, order, fix).await)
        }
    };
    let Position { org, purchase } = position;
    let (differences, counts, answered) = match compared {
        Ok(Some(differences)) => (differences, true, true),
        Ok(None) => (Vec::new(), false, true),
        Err(error) => {
            tracing::warn!(%org, ?purchase, error = &error as &dyn Error, "no comparison with Stripe was possible");
            let kind = if purchase.is_some() { Difference::PaymentUnreadable } else { Difference::PlanUnreadable };
            let answered = !matches!(error, SyncError::Gateway(GatewayError::Unavailable(_)));
            (vec![(kind, false)], true, answered)
        }
    };
    let findings = differences.into_iter().map(|(kind, fixed)| Finding { org, purchase, kind, fixed }).collect();
    Compared { position, counts, answered, findings }
}

/// The differences, and whether each has been fixed. `None` if there is nothing to compare.
type Differences = Option<Vec<(Difference, bool)>>;

async fn compare_plan(plans: &Plans, org: OrgId, (since, fix): (Instant, bool)) -> Result<Differences, SyncError> {
    let Some(mut comparison) = plans.compare(org, since).await? else { return Ok(None) };
    let mut differences = Vec::new();
    if !comparison.in_sync {
        if fix {
            plans.apply(org, comparison.invoices).await?;
            let Some(after) = plans.compare(org, since).await? else { return Ok(None) };
            comparison = after;
        }
        differences.push((Difference::PlanDiffers, fix && comparison.in_sync));
    }
    differences.extend(comparison.problems.into_iter().map(|problem| match problem {
        Problem::SeveralPlans => (Difference::DuplicateSubscriptions, false),
        Problem::UnknownPlan(_) => (Difference::UnknownPlan, false),
    }));
    Ok(Some(differences))
}

async fn compare_purchase(
    purchases: &Purchases,
    org: OrgId,
    order: &Order,
    fix: bool,
) -> Result<Differences, SyncError> {
    let (stored, id) = (&order.purchase.payment, order.purchase.id);
    let Some(checkout) = &order.checkout else { return Ok(None) };
    let Some(facts) = purchases.fetch_facts(org, id, &checkout.session).await? else {
        return Ok(Some(vec![(Difference::AnotherPayment, false)]));
    };
    let kind = match (facts.stage, &order.purchase.credit) {
        (Stage::Paid, None) => Difference::PaidNotCredited,
        (Stage::Paid, Some(_)) if stored.affects_tokens(&facts) => Difference::RefundsDiffer,
        (Stage::Paid, Some(_)) if order.purchase.has_other_amount(&facts) => Difference::AmountDiffers,
        (Stage::Paid, Some(_)) | (_, None) => return Ok(Some(Vec::new())),
        (_, Some(_)) => return Ok(Some(vec![(Difference::CreditedNotPaid, false)])),
    };
    if fix {
        purchases.record_payment(org, id, facts).await?;
    }
    Ok(Some(vec![(kind, fix)]))
}
