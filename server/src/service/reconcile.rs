//! Reconciliation: compares recent purchases and all plans with Stripe.
//!
//! Most differences have one safe fix: applying Stripe's state, in the same way as an event would. The others need
//! attention.

use std::error::Error;

use brightmeter::{
    billing::{payment::Stage, standing::Problem},
    ids::{OrgId, PurchaseId},
    time::Instant,
};
use futures::{StreamExt, stream};
use serde::Serialize;
use sqlx::PgPool;

use super::{
    plans::Plans,
    purchases::{Purchases, SyncError},
};
use crate::{
    storage::{
        StorageError,
        purchases::{self, Order},
        sweeps, tenant,
    },
    stripe::gateway::GatewayError,
};

/// The number of purchases read per query.
const PAGE_SIZE: i64 = 500;
/// The number of plans compared concurrently.
const CONCURRENCY: usize = 8;

/// The result of a reconciliation.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The number of purchases compared.
    pub purchases: usize,
    /// The number of organizations whose plan was compared.
    pub plans: usize,
    /// How many of them could not be compared because Stripe did not answer.
    pub unanswered: usize,
    /// The differences found.
    pub findings: Vec<Finding>,
}

/// A purchase or a plan that differs from Stripe's state.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The organization.
    pub org: OrgId,
    /// The purchase. `None` if the plan differs.
    pub purchase: Option<PurchaseId>,
    /// The kind of difference.
    pub kind: Difference,
    /// Whether the difference has been fixed.
    pub fixed: bool,
}

/// How a purchase or a plan differs from Stripe's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// Paid, but not credited. The fix credits the tokens.
    PaidNotCredited,
    /// Credited, but not paid according to Stripe. Needs attention.
    CreditedNotPaid,
    /// Refunds and disputes at Stripe do not match the tokens clawed back. The fix claws back or reinstates the
    /// difference.
    RefundsDiffer,
    /// The purchase's Checkout session belongs to another order. Needs attention.
    AnotherPayment,
    /// Stripe's state of the payment could not be read. Needs attention.
    PaymentUnreadable,
    /// A subscription, an invoice or the plan that follows from them differs. The fix updates the plan and the license.
    PlanDiffers,
    /// Stripe's state of the subscriptions could not be read. Needs attention.
    PlanUnreadable,
    /// A price at Stripe names a plan that the catalog does not have. Needs attention: correct the metadata of the price.
    UnknownPlan,
    /// The organization pays for more than one plan. Needs attention: a person decides which one to cancel and what to
    /// refund.
    DuplicateSubscriptions,
}

impl Difference {
    /// Whether applying Stripe's state fixes the difference.
    pub const fn is_fixable(self) -> bool {
        match self {
            Self::PaidNotCredited | Self::RefundsDiffer | Self::PlanDiffers => true,
            Self::CreditedNotPaid
            | Self::AnotherPayment
            | Self::PaymentUnreadable
            | Self::PlanUnreadable
            | Self::UnknownPlan
            | Self::DuplicateSubscriptions => false,
        }
    }
}

impl Report {
    /// Whether Stripe answered nothing at all.
    pub const fn is_unanswered(&self) -> bool {
        self.unanswered > 0 && self.unanswered == self.purchases + self.plans
    }

    fn add_plan(&mut self, compared: ComparedPlan) {
        match compared {
            Ok(None) => {}
            Ok(Some(findings)) => {
                self.plans += 1;
                self.findings.extend(findings);
            }
            Err((org, error)) => {
                tracing::warn!(%org, error = &error as &dyn Error, "a plan could not be compared with Stripe");
                self.plans += 1;
                self.unanswered += usize::from(is_unanswered(&error));
                let kind = Difference::PlanUnreadable;
                self.findings.push(Finding { org, purchase: None, kind, fixed: false });
            }
        }
    }

    /// Whether every difference has been fixed.
    pub fn is_resolved(&self) -> bool {
        self.findings.iter().all(|finding| finding.fixed)
    }
}

/// Compares every purchase ordered at or after `since`, and every plan, with Stripe. With `fix`, fixes the differences
/// that have a safe fix. `writer_pool` is needed to list all organizations. A plan or purchase that cannot be compared
/// becomes a finding and does not stop the others.
///
/// # Errors
/// [`StorageError`] if the purchases or organizations cannot be listed. Fixes made before the error remain.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn run(
    purchases: &Purchases,
    plans: &Plans,
    writer_pool: &PgPool,
    since: Instant,
    fix: bool,
) -> Result<Report, StorageError> {
    let mut tx = tenant::begin_for_all_accounts(writer_pool).await?;
    let orgs = sweeps::list_all(&mut tx).await?;
    drop(tx);
    let mut report = Report::default();
    let comparisons = stream::iter(orgs.clone()).map(|org| compare_plan(plans, org, fix)).buffer_unordered(CONCURRENCY);
    comparisons.collect::<Vec<_>>().await.into_iter().for_each(|compared| report.add_plan(compared));
    for org in orgs {
        let mut after = None;
        loop {
            let mut tx = tenant::begin(&purchases.pool, org).await?;
            let page = purchases::list_since(&mut tx, org, since, after, PAGE_SIZE).await?;
            drop(tx);
            for order in &page {
                compare_purchase(purchases, org, order, fix, &mut report).await;
            }
            after = page.last().map(|order| order.purchase.id);
            if i64::try_from(page.len()).is_ok_and(|found| found < PAGE_SIZE) {
                break;
            }
        }
    }
    Ok(report)
}

/// Compares one purchase with Stripe and fixes the difference if that is safe. Returns `None` if the purchase does not
/// exist.
///
/// # Errors
/// [`StorageError`] if the purchase cannot be loaded.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn fix(purchases: &Purchases, org: OrgId, id: PurchaseId) -> Result<Option<Report>, StorageError> {
    let mut tx = tenant::begin(&purchases.pool, org).await?;
    let order = purchases::find(&mut tx, org, id).await?;
    drop(tx);
    let Some(order) = order else { return Ok(None) };
    let mut report = Report::default();
    compare_purchase(purchases, org, &order, true, &mut report).await;
    Ok(Some(report))
}

/// Compares an organization's plan with Stripe and fixes the difference if that is safe.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn fix_plan(plans: &Plans, org: OrgId) -> Report {
    let mut report = Report::default();
    report.add_plan(compare_plan(plans, org, true).await);
    report
}

/// The differences of a plan, `None` if the organization has no Stripe customer, or why it could not be compared.
type ComparedPlan = Result<Option<Vec<Finding>>, (OrgId, SyncError)>;

async fn compare_plan(plans: &Plans, org: OrgId, fix: bool) -> ComparedPlan {
    try_compare_plan(plans, org, fix).await.map_err(|error| (org, error))
}

const fn is_unanswered(error: &SyncError) -> bool {
    matches!(error, SyncError::Gateway(GatewayError::Unavailable(_)))
}

async fn try_compare_plan(plans: &Plans, org: OrgId, fix: bool) -> Result<Option<Vec<Finding>>, SyncError> {
    let Some(mut comparison) = plans.compare(org).await? else { return Ok(None) };
    let mut findings = Vec::new();
    let mut found = |kind, fixed| findings.push(Finding { org, purchase: None, kind, fixed });
    if !comparison.in_sync {
        if fix {
            plans.refresh_from_stripe(org).await?;
            let Some(after) = plans.compare(org).await? else { return Ok(None) };
            comparison = after;
        }
        found(Difference::PlanDiffers, fix && comparison.in_sync);
    }
    for problem in comparison.problems {
        match problem {
            Problem::SeveralPlans => found(Difference::DuplicateSubscriptions, false),
            Problem::UnknownPlan(_) => found(Difference::UnknownPlan, false),
        }
    }
    Ok(Some(findings))
}

async fn compare_purchase(purchases: &Purchases, org: OrgId, order: &Order, fix: bool, report: &mut Report) {
    // Without a Checkout session the order cannot have been paid: Stripe was never called, or its response was lost.
    let Some(checkout) = &order.checkout else { return };
    report.purchases += 1;
    let id = order.purchase.id;
    let found = try_compare_purchase(purchases, org, order, &checkout.session, fix).await.unwrap_or_else(|error| {
        tracing::warn!(%org, purchase = %id, error = &error as &dyn Error, "a purchase could not be compared with Stripe");
        report.unanswered += usize::from(is_unanswered(&error));
        Some((Difference::PaymentUnreadable, false))
    });
    report.findings.extend(found.map(|(kind, fixed)| Finding { org, purchase: Some(id), kind, fixed }));
}

/// Returns the difference and whether it has been fixed.
async fn try_compare_purchase(
    purchases: &Purchases,
    org: OrgId,
    order: &Order,
    session: &str,
    fix: bool,
) -> Result<Option<(Difference, bool)>, SyncError> {
    let (stored, id) = (&order.purchase.payment, order.purchase.id);
    let Some(facts) = purchases.fetch_facts(org, id, session).await? else {
        return Ok(Some((Difference::AnotherPayment, false)));
    };
    let kind = match (facts.stage, &order.purchase.credit) {
        (Stage::Paid, None) => Difference::PaidNotCredited,
        (Stage::Paid, Some(_)) if stored.affects_tokens(&facts) => Difference::RefundsDiffer,
        (Stage::Paid, Some(_)) | (_, None) => return Ok(None),
        (_, Some(_)) => return Ok(Some((Difference::CreditedNotPaid, false))),
    };
    if fix {
        purchases.record_payment(org, id, facts).await?;
    }
    Ok(Some((kind, fix)))
}
