//! Reconciliation: compares recent purchases and all plans with Stripe.
//!
//! Most differences have one safe fix: applying Stripe's state, in the same way as an event would. The others need
//! attention.

use brightmeter::{
    billing::payment::Stage,
    ids::{OrgId, PurchaseId},
    time::Instant,
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use sqlx::PgPool;

use super::{
    plans::{Comparison, Plans},
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
    /// The subscription or an invoice for it differs. The fix updates the plan and the license.
    PlanDiffers,
    /// Stripe's state of the subscription could not be read. Needs attention.
    PlanUnreadable,
    /// The organization pays for more than one subscription. Needs attention: a person decides which one to cancel and
    /// what to refund.
    DuplicateSubscriptions,
}

impl Difference {
    /// Whether applying Stripe's state fixes the difference.
    pub const fn is_fixable(self) -> bool {
        match self {
            Self::PaidNotCredited | Self::RefundsDiffer | Self::PlanDiffers => true,
            Self::CreditedNotPaid | Self::AnotherPayment | Self::PlanUnreadable | Self::DuplicateSubscriptions => false,
        }
    }
}

impl Report {
    /// Whether every difference has been fixed.
    pub fn is_resolved(&self) -> bool {
        self.findings.iter().all(|finding| finding.fixed)
    }
}

/// Why a reconciliation failed.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// A request to Stripe failed.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// A comparison or a fix failed.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Compares every purchase ordered at or after `since`, and every plan, with Stripe. With `fix`, fixes the differences
/// that have a safe fix. `writer_pool` is needed to list all organizations.
///
/// # Errors
/// [`ReconcileError`]. Fixes made before the error remain.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn run(
    purchases: &Purchases,
    plans: &Plans,
    writer_pool: &PgPool,
    since: Instant,
    fix: bool,
) -> Result<Report, ReconcileError> {
    let mut tx = tenant::begin_for_all_accounts(writer_pool).await?;
    let orgs = sweeps::list_all(&mut tx).await?;
    drop(tx);
    let mut report = Report::default();
    let comparisons = stream::iter(orgs.clone()).map(|org| compare_plan(plans, org, fix)).buffer_unordered(CONCURRENCY);
    for (compared, finding) in comparisons.try_collect::<Vec<_>>().await? {
        report.plans += usize::from(compared);
        report.findings.extend(finding);
    }
    for org in orgs {
        let mut after = None;
        loop {
            let mut tx = tenant::begin(&purchases.pool, org).await?;
            let page = purchases::list_since(&mut tx, org, since, after, PAGE_SIZE).await?;
            drop(tx);
            for order in &page {
                compare_purchase(purchases, org, order, fix, &mut report).await?;
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
#[tracing::instrument(level = "trace", skip_all)]
pub async fn fix(purchases: &Purchases, org: OrgId, id: PurchaseId) -> Result<Option<Report>, ReconcileError> {
    let mut tx = tenant::begin(&purchases.pool, org).await?;
    let order = purchases::find(&mut tx, org, id).await?;
    drop(tx);
    let Some(order) = order else { return Ok(None) };
    let mut report = Report::default();
    compare_purchase(purchases, org, &order, true, &mut report).await?;
    Ok(Some(report))
}

/// Compares an organization's plan with Stripe and fixes the difference if that is safe.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn fix_plan(plans: &Plans, org: OrgId) -> Result<Report, ReconcileError> {
    let (compared, finding) = compare_plan(plans, org, true).await?;
    Ok(Report { plans: usize::from(compared), findings: finding.into_iter().collect(), ..Report::default() })
}

/// Compares an organization's plan with Stripe. Returns whether it has a Stripe customer to compare with, and the
/// difference.
async fn compare_plan(plans: &Plans, org: OrgId, fix: bool) -> Result<(bool, Option<Finding>), ReconcileError> {
    let found = |kind, fixed| Some(Finding { org, purchase: None, kind, fixed });
    match plans.compare(org).await {
        Ok(None) => Ok((false, None)),
        Ok(Some(Comparison::InSync)) => Ok((true, None)),
        Ok(Some(Comparison::DuplicateSubscriptions)) => Ok((true, found(Difference::DuplicateSubscriptions, false))),
        Ok(Some(Comparison::Differs)) if fix => {
            plans.refresh_from_stripe(org).await?;
            let fixed = plans.compare(org).await? != Some(Comparison::Differs);
            Ok((true, found(Difference::PlanDiffers, fixed)))
        }
        Ok(Some(Comparison::Differs)) => Ok((true, found(Difference::PlanDiffers, false))),
        // One plan that cannot be read must not stop the comparison of the others.
        Err(SyncError::Gateway(error @ (GatewayError::Refused(_) | GatewayError::Unreadable(_)))) => {
            tracing::warn!(%org, error = &error as &dyn std::error::Error, "a plan could not be compared with Stripe");
            Ok((true, found(Difference::PlanUnreadable, false)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn compare_purchase(
    purchases: &Purchases,
    org: OrgId,
    order: &Order,
    fix: bool,
    report: &mut Report,
) -> Result<(), ReconcileError> {
    // Without a Checkout session the order cannot have been paid: Stripe was never called, or its response was lost.
    let Some(checkout) = &order.checkout else { return Ok(()) };
    report.purchases += 1;
    let (stored, id) = (&order.purchase.payment, order.purchase.id);
    let mut found = |kind, fixed| report.findings.push(Finding { org, purchase: Some(id), kind, fixed });
    let Some(facts) = purchases.fetch_facts(org, id, &checkout.session).await? else {
        found(Difference::AnotherPayment, false);
        return Ok(());
    };
    let kind = match (facts.stage, &order.purchase.credit) {
        (Stage::Paid, None) => Difference::PaidNotCredited,
        (Stage::Paid, Some(_)) if stored.affects_tokens(&facts) => Difference::RefundsDiffer,
        (Stage::Paid, Some(_)) | (_, None) => return Ok(()),
        (_, Some(_)) => {
            found(Difference::CreditedNotPaid, false);
            return Ok(());
        }
    };
    if fix {
        purchases.record_payment(org, id, facts).await?;
    }
    found(kind, fix);
    Ok(())
}
