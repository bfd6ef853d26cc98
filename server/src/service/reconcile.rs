//! Reconciling: holds what is known of recent purchases against what Stripe says now. Each thing that differs has one safe mend, which
//! goes through the same door as an event would: what Stripe says is taken in.

use brightmeter::{
    ids::{OrgId, PurchaseId},
    purchase::Stage,
    time::Instant,
};
use serde::Serialize;
use sqlx::PgPool;

use super::purchases::{Purchases, SettleError};
use crate::{
    storage::{StorageError, purchases, purchases::Order, sweeps, tenant},
    stripe::gateway::GatewayError,
};

/// How many purchases are read at once.
const PAGE: i64 = 500;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// How many purchases were asked about.
    pub purchases: usize,
    /// What differs.
    pub findings: Vec<Finding>,
}

/// A purchase that is not as Stripe has it.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// Whose.
    pub org: OrgId,
    /// Which.
    pub purchase: PurchaseId,
    /// How it differs.
    pub kind: Difference,
    /// Whether it was mended.
    pub mended: bool,
}

/// How a purchase differs from what Stripe says.
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
}

impl Difference {
    /// Whether taking in what Stripe says mends it.
    pub const fn is_mendable(self) -> bool {
        match self {
            Self::PaidNotCredited | Self::ReturnedOtherwise => true,
            Self::CreditedNotPaid | Self::AnotherPayment => false,
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

/// Asks Stripe about every purchase that was ordered at or after `since`, and mends what can safely be mended if `mend` says so.
/// `writer_pool` sees which organizations there are.
///
/// # Errors
/// [`ReconcileError`]; what was mended before stays so.
pub async fn run(
    purchases: &Purchases,
    writer_pool: &PgPool,
    since: Instant,
    mend: bool,
) -> Result<Report, ReconcileError> {
    let mut tx = tenant::begin_census(writer_pool).await?;
    let orgs = sweeps::list_all(&mut tx).await?;
    drop(tx);
    let mut report = Report::default();
    for org in orgs {
        let mut after = None;
        loop {
            let mut tx = tenant::begin(&purchases.pool, org).await?;
            let page = purchases::list_since(&mut tx, org, since, after, PAGE).await?;
            drop(tx);
            for order in &page {
                look(purchases, org, order, mend, &mut report).await?;
            }
            after = page.last().map(|order| order.purchase.id);
            if i64::try_from(page.len()).is_ok_and(|found| found < PAGE) {
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
    let mut found = |kind, mended| report.findings.push(Finding { org, purchase: id, kind, mended });
    let Some(told) = purchases.ask(org, id, &checkout.session).await? else {
        found(Difference::AnotherPayment, false);
        return Ok(());
    };
    let kind = match (told.stage, &order.purchase.credit) {
        (Stage::Paid, None) => Difference::PaidNotCredited,
        (Stage::Paid, Some(_)) if known.would_move(&told) => Difference::ReturnedOtherwise,
        (Stage::Paid, Some(_)) | (_, None) => return Ok(()),
        (_, Some(_)) => {
            found(Difference::CreditedNotPaid, false);
            return Ok(());
        }
    };
    if mend {
        purchases.settle(org, id, told).await?;
    }
    found(kind, mend);
    Ok(())
}
