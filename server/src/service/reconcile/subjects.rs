//! The plans and purchases to compare, in the order of [`Position`].

use std::collections::VecDeque;

use brightmeter::{
    ids::{OrgId, PurchaseId},
    time::Instant,
};
use futures::{Stream, stream};
use sqlx::PgPool;

use super::Position;
use crate::storage::{
    StorageError,
    purchases::{self, Order},
    sweeps, tenant,
};

/// The number of organizations or purchases read per query.
const PAGE_SIZE: i64 = 500;

/// A plan or a purchase to compare with Stripe.
#[derive(Debug)]
pub(super) enum Subject {
    Plan(OrgId),
    Purchase(OrgId, Box<Order>),
}

/// Reads the plans and purchases page by page.
pub(super) struct Subjects<'a> {
    app_pool: &'a PgPool,
    writer_pool: &'a PgPool,
    since: Instant,
    /// The last organization read, and those whose plan is next.
    last: Option<OrgId>,
    orgs: VecDeque<OrgId>,
    /// The organization whose purchases are next, and the last purchase read.
    current: Option<(OrgId, Option<PurchaseId>)>,
    orders: VecDeque<(OrgId, Order)>,
}

impl<'a> Subjects<'a> {
    /// Starts after `from`, with purchases ordered at or after `since`. `writer_pool` lists the organizations.
    pub(super) fn new(app_pool: &'a PgPool, writer_pool: &'a PgPool, since: Instant, from: Option<Position>) -> Self {
        let last = from.map(|from| from.org);
        let current = from.map(|from| (from.org, from.purchase));
        Self { app_pool, writer_pool, since, last, orgs: VecDeque::new(), current, orders: VecDeque::new() }
    }

    pub(super) fn stream(self) -> impl Stream<Item = Result<Subject, StorageError>> {
        stream::try_unfold(
            self,
            |mut subjects| async move { Ok(subjects.next().await?.map(|subject| (subject, subjects))) },
        )
    }

    async fn next(&mut self) -> Result<Option<Subject>, StorageError> {
        loop {
            if let Some((org, order)) = self.orders.pop_front() {
                return Ok(Some(Subject::Purchase(org, Box::new(order))));
            }
            if let Some((org, after)) = self.current.take() {
                self.read_purchases(org, after).await?;
                continue;
            }
            if self.orgs.is_empty() && !self.read_orgs().await? {
                return Ok(None);
            }
            let Some(org) = self.orgs.pop_front() else { return Ok(None) };
            self.current = Some((org, None));
            return Ok(Some(Subject::Plan(org)));
        }
    }

    async fn read_purchases(&mut self, org: OrgId, after: Option<PurchaseId>) -> Result<(), StorageError> {
        let mut tx = tenant::begin(self.app_pool, org).await?;
        let page = purchases::list_since(&mut tx, org, self.since, after, PAGE_SIZE).await?;
        let is_full = i64::try_from(page.len()).is_ok_and(|found| found == PAGE_SIZE);
        self.current = page.last().filter(|_| is_full).map(|order| (org, Some(order.purchase.id)));
        // Without a Checkout session the order cannot have been paid: Stripe was never called, or its response was lost.
        self.orders.extend(page.into_iter().filter(|order| order.checkout.is_some()).map(|order| (org, order)));
        Ok(())
    }

    /// Reads the next organizations. Returns whether there are any.
    async fn read_orgs(&mut self) -> Result<bool, StorageError> {
        let mut tx = tenant::begin_for_all_accounts(self.writer_pool).await?;
        let orgs = sweeps::list_after(&mut tx, self.last, PAGE_SIZE).await?;
        self.last = orgs.last().copied();
        self.orgs = orgs.into();
        Ok(!self.orgs.is_empty())
    }
}
