//! What an organization has bought: packs that it ordered, and what it paid for plans, in one list.

use std::cmp::Reverse;

use brightmeter::{billing::invoices::Paid, ids::OrgId, time::Instant};
use sqlx::PgConnection;

use crate::storage::{
    Result, licenses,
    purchases::{self, Order},
};

/// Something that was bought.
#[derive(Clone, Debug)]
pub enum PaymentRecord {
    /// A pack, paid or not.
    Pack(Box<Order>),
    /// What was paid for a plan.
    Plan(PlanPayment),
}

/// A payment for a plan, with its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanPayment {
    /// Stripe's name of the invoice: `in_…`.
    pub invoice: String,
    /// The receipt's number, of one row with those of packs.
    pub number: i64,
    /// What was paid.
    pub paid: Paid,
}

impl PaymentRecord {
    /// When it was ordered or, where nobody ordered it, paid.
    fn at(&self) -> Instant {
        match self {
            Self::Pack(order) => order.ordered_at,
            Self::Plan(payment) => payment.paid.at,
        }
    }

    /// The number of its receipt, if it has one.
    fn number(&self) -> Option<i64> {
        match self {
            Self::Pack(order) => order.purchase.credit.as_ref().map(|credit| credit.number),
            Self::Plan(payment) => Some(payment.number),
        }
    }
}

/// What `org` has bought, newest first, at most `limit` of it.
///
/// # Errors
/// [`StorageError`](crate::storage::StorageError).
pub async fn list(conn: &mut PgConnection, org: OrgId, limit: i64) -> Result<Vec<PaymentRecord>> {
    let packs = purchases::list(conn, org, limit).await?.into_iter().map(|order| PaymentRecord::Pack(Box::new(order)));
    let plans = plan_payments(conn, org).await?.into_iter().map(PaymentRecord::Plan);
    let mut all: Vec<PaymentRecord> = packs.chain(plans).collect();
    all.sort_by_key(|bought| Reverse((bought.at(), bought.number())));
    all.truncate(usize::try_from(limit).unwrap_or_default());
    Ok(all)
}

/// What `org` has paid of that invoice, if it has a receipt.
///
/// # Errors
/// [`StorageError`](crate::storage::StorageError).
pub async fn find_plan_payment(conn: &mut PgConnection, org: OrgId, invoice: &str) -> Result<Option<PlanPayment>> {
    Ok(plan_payments(conn, org).await?.into_iter().find(|payment| payment.invoice == invoice))
}

/// All that `org` has paid for plans: a month brings one.
async fn plan_payments(conn: &mut PgConnection, org: OrgId) -> Result<Vec<PlanPayment>> {
    let (invoices, _) = licenses::find_invoices(conn, org).await?;
    let receipts = invoices.receipts();
    let payments =
        receipts.map(|(invoice, number, paid)| PlanPayment { invoice: invoice.into(), number, paid: paid.clone() });
    Ok(payments.collect())
}
