//! The payment history of an organization: ordered packs and payments for plans, in one list.
//!
//! All functions return [`StorageError`](crate::storage::StorageError) if the database fails.

use std::cmp::Reverse;

use brightmeter::{billing::receipts::InvoiceReceipt, ids::OrgId, time::Instant};
use sqlx::PgConnection;

use crate::storage::{
    Result, licenses,
    purchases::{self, Order},
};

/// An item of the payment history.
#[derive(Clone, Debug)]
pub enum PaymentHistoryItem {
    /// A pack order, paid or not.
    Pack(Box<Order>),
    /// A payment for a plan.
    Plan(InvoiceReceipt),
}

impl PaymentHistoryItem {
    /// When the pack was ordered or the plan was paid.
    fn at(&self) -> Instant {
        match self {
            Self::Pack(order) => order.ordered_at,
            Self::Plan(receipt) => receipt.at,
        }
    }

    /// The receipt's number. `None` if a pack has not been credited.
    fn number(&self) -> Option<i64> {
        match self {
            Self::Pack(order) => order.purchase.credit.as_ref().map(|credit| credit.number),
            Self::Plan(receipt) => Some(receipt.number),
        }
    }
}

/// Returns an organization's payment history, newest first, at most `limit` items.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list(conn: &mut PgConnection, org: OrgId, limit: i64) -> Result<Vec<PaymentHistoryItem>> {
    let packs =
        purchases::list(conn, org, limit).await?.into_iter().map(|order| PaymentHistoryItem::Pack(Box::new(order)));
    let plans = plan_payments(conn, org).await?.into_iter().map(PaymentHistoryItem::Plan);
    let mut items: Vec<PaymentHistoryItem> = packs.chain(plans).collect();
    items.sort_by_key(|item| Reverse((item.at(), item.number())));
    items.truncate(usize::try_from(limit).unwrap_or_default());
    Ok(items)
}

/// Returns the payment of an invoice, or `None` if it has no receipt.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_plan_payment(conn: &mut PgConnection, org: OrgId, invoice: &str) -> Result<Option<InvoiceReceipt>> {
    Ok(plan_payments(conn, org).await?.into_iter().find(|payment| payment.invoice == invoice))
}

/// All payments for plans. Their number is small: about one a month.
async fn plan_payments(conn: &mut PgConnection, org: OrgId) -> Result<Vec<InvoiceReceipt>> {
    let (invoices, _) = licenses::find_billing_facts(conn, org).await?;
    Ok(invoices.receipts().collect())
}
