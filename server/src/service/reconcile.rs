//! Reconciling: holds what is known of recent purchases, and of plans, against what Stripe says now. Each thing that differs has one safe
//! mend, which goes through the same door as an event would: what Stripe says is taken in.

use brightmeter::{
    billing::payment::Stage,
    ids::{OrgId, PurchaseId},
    time::Instant,
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use sqlx::PgPool;

use super::{
    plans::{Compared, Plans},
    purchases::{Purchases, SettleError},
};
use crate::{
    storage::{
        StorageError,
        purchases::{self, Order},
        sweeps, tenant,
    },
    stripe::gateway::GatewayError,
};

/// How many purchases are read at once.
const PAGE_SIZE: i64 = 500;
/// About how many plans Stripe is asked at once.
const CONCURRENCY: usize = 8;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// How many purchases were asked about.
    pub purchases: usize,
    /// How many organizations' plans were asked about.
    pub plans: usize,
    /// What differs.
    pub findings: Vec<Finding>,
}

/// A purchase or a plan that is not as Stripe has it.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// Whose.
    pub org: OrgId,
    /// Which; nothing if it is about the plan.
    pub purchase: Option<PurchaseId>,
    /// How it differs.
    pub kind: Difference,
    /// Whether it was mended.
    pub mended: bool,
}

/// How a purchase or a plan differs from what Stripe says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// Paid, and not credited. Taking it in credits it.
    PaidNotCredited,
    /// Credited, and not paid as Stripe says now. What to do about it is for a person to say.
    CreditedNotPaid,
    /// More or less of the money went back than the tokens that were taken. Taking it in takes or gives back the difference.
    ReturnedOtherwise,
    /// Another payment than ours stands under its session. What to do about it is for a person to say.
    AnotherPayment,
    /// The subscription, or an invoice for it, stands otherwise. Taking it in has the plan and the license follow.
    PlanOtherwise,
    /// Stripe does not tell how the subscription stands. Why is for a person to find out.
    PlanUntold,
    /// More than one subscription is paid for. Which one to end, and what to pay back, is for a person to say.
    PlanPaidTwice,
}

impl Difference {
    /// Whether taking in what Stripe says mends it.
    pub const fn is_mendable(self) -> bool {
        match self {
            Self::PaidNotCredited | Self::ReturnedOtherwise | Self::PlanOtherwise => true,
            Self::CreditedNotPaid | Self::AnotherPayment | Self::PlanUntold | Self::PlanPaidTwice => false,
        }
    }
}

impl Report {
    /// Whether nothing is left to do.
    pub fn is_settled(&self) -> bool {
        self.findings.iter().all(|finding| finding.mended)
    }
}

/// Why it could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Stripe did not say.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// A mend was not applied.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// The database did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Asks Stripe about every purchase that was ordered at or after `since`, and about every plan, and mends what can safely be mended
/// if `mend` says so. `writer_pool` sees which organizations there are.
///
/// # Errors
/// [`ReconcileError`]; what was mended before stays so.
pub async fn run(
    purchases: &Purchases,
    plans: &Plans,
    writer_pool: &PgPool,
    since: Instant,
    mend: bool,
) -> Result<Report, ReconcileError> {
    let mut tx = tenant::begin_census(writer_pool).await?;
    let orgs = sweeps::list_all(&mut tx).await?;
    drop(tx);
    let mut report = Report::default();
    let looks = stream::iter(orgs.clone()).map(|org| look_at_plan(plans, org, mend)).buffer_unordered(CONCURRENCY);
    for (asked, finding) in looks.try_collect::<Vec<_>>().await? {
        report.plans += usize::from(asked);
        report.findings.extend(finding);
    }
    for org in orgs {
        let mut after = None;
        loop {
            let mut tx = tenant::begin(&purchases.pool, org).await?;
            let page = purchases::list_since(&mut tx, org, since, after, PAGE_SIZE).await?;
            drop(tx);
            for order in &page {
                look(purchases, org, order, mend, &mut report).await?;
            }
            after = page.last().map(|order| order.purchase.id);
            if i64::try_from(page.len()).is_ok_and(|found| found < PAGE_SIZE) {
                break;
            }
        }
    }
    Ok(report)
}

/// Asks Stripe about one purchase, and mends it if it can safely be mended. What is found is nothing if all is as Stripe says;
/// the answer is nothing if there is no such purchase.
///
/// # Errors
/// [`ReconcileError`].
pub async fn mend(purchases: &Purchases, org: OrgId, id: PurchaseId) -> Result<Option<Report>, ReconcileError> {
    let mut tx = tenant::begin(&purchases.pool, org).await?;
    let order = purchases::find(&mut tx, org, id).await?;
    drop(tx);
    let Some(order) = order else { return Ok(None) };
    let mut report = Report::default();
    look(purchases, org, &order, true, &mut report).await?;
    Ok(Some(report))
}

/// Asks Stripe about the plan of an organization, and has it follow. What is found is nothing if all is as Stripe says.
///
/// # Errors
/// [`ReconcileError`].
pub async fn mend_plan(plans: &Plans, org: OrgId) -> Result<Report, ReconcileError> {
    let (asked, finding) = look_at_plan(plans, org, true).await?;
    Ok(Report { plans: usize::from(asked), findings: finding.into_iter().collect(), ..Report::default() })
}

/// Whether Stripe was asked about the plan of an organization, and what was found.
async fn look_at_plan(plans: &Plans, org: OrgId, mend: bool) -> Result<(bool, Option<Finding>), ReconcileError> {
    let found = |kind, mended| Some(Finding { org, purchase: None, kind, mended });
    match plans.compare(org).await {
        Ok(None) => Ok((false, None)),
        Ok(Some(Compared::Same)) => Ok((true, None)),
        Ok(Some(Compared::PaidTwice)) => Ok((true, found(Difference::PlanPaidTwice, false))),
        Ok(Some(Compared::Otherwise)) if mend => {
            plans.look_again(org).await?;
            let mended = plans.compare(org).await? != Some(Compared::Otherwise);
            Ok((true, found(Difference::PlanOtherwise, mended)))
        }
        Ok(Some(Compared::Otherwise)) => Ok((true, found(Difference::PlanOtherwise, false))),
        // That it will not tell of one is no reason not to ask about the others.
        Err(SettleError::Gateway(error @ (GatewayError::Refused(_) | GatewayError::Unreadable(_)))) => {
            tracing::warn!(%org, error = &error as &dyn std::error::Error, "a plan could not be compared with Stripe");
            Ok((true, found(Difference::PlanUntold, false)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn look(
    purchases: &Purchases,
    org: OrgId,
    order: &Order,
    mend: bool,
    report: &mut Report,
) -> Result<(), ReconcileError> {
    // Without a session Stripe was never asked for a payment, or its answer was lost: then nobody was sent to pay.
    let Some(checkout) = &order.checkout else { return Ok(()) };
    report.purchases += 1;
    let (known, id) = (&order.purchase.payment, order.purchase.id);
    let mut found = |kind, mended| report.findings.push(Finding { org, purchase: Some(id), kind, mended });
    let Some(facts) = purchases.ask(org, id, &checkout.session).await? else {
        found(Difference::AnotherPayment, false);
        return Ok(());
    };
    let kind = match (facts.stage, &order.purchase.credit) {
        (Stage::Paid, None) => Difference::PaidNotCredited,
        (Stage::Paid, Some(_)) if known.would_move(&facts) => Difference::ReturnedOtherwise,
        (Stage::Paid, Some(_)) | (_, None) => return Ok(()),
        (_, Some(_)) => {
            found(Difference::CreditedNotPaid, false);
            return Ok(());
        }
    };
    if mend {
        purchases.settle(org, id, facts).await?;
    }
    found(kind, mend);
    Ok(())
}
