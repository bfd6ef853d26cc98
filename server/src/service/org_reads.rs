//! Reads of one organization, in one transaction that sees no other.
//!
//! All functions return [`StorageError`](crate::storage::StorageError) if the database fails.

use std::collections::BTreeSet;

use brightmeter::{
    access::api_key::ApiKey,
    billing::{license::License, receipts::InvoiceReceipt},
    features::quest::Goal,
    ids::{HoldId, JobId, OrgId, PurchaseId, TransactionId},
    ledger::{
        entry::{Entry, EntryHash},
        hold::Hold,
    },
};
use chrono::NaiveDate;
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::{
    payment_history::{self, PaymentHistoryItem},
    plans::BillingFacts,
};
use crate::storage::{
    Result, accounts, api_keys, daily, entries, holds, licenses, memberships, organizations, purchases, quests, tenant,
};
pub use crate::storage::{
    daily::DayUse, entries::Filter, licenses::Logged, memberships::Member, organizations::Organization,
    purchases::Order, quests::Quest,
};

/// A read transaction of one organization.
#[derive(Debug)]
pub struct OrgReads {
    org: OrgId,
    pub(super) tx: Transaction<'static, Postgres>,
}

impl OrgReads {
    /// Begins a transaction in which each read sees the latest commit.
    pub async fn begin(pool: &PgPool, org: OrgId) -> Result<Self> {
        Ok(Self { org, tx: tenant::begin(pool, org).await? })
    }

    /// Begins a transaction in which all reads see the organization as of one instant.
    pub async fn begin_snapshot(pool: &PgPool, org: OrgId) -> Result<Self> {
        Ok(Self { org, tx: tenant::begin_snapshot(pool, org).await? })
    }

    /// Returns the organization, or `None` if it does not exist.
    pub async fn organization(&mut self) -> Result<Option<Organization>> {
        organizations::find(&mut self.tx, self.org).await
    }

    /// Returns the license, or `None` if the organization has no account.
    pub async fn license(&mut self) -> Result<Option<License>> {
        Ok(accounts::find(&mut self.tx, self.org).await?.map(|found| found.account.terms.license))
    }

    /// Returns the latest `limit` steps of the license, newest first.
    pub async fn license_log(&mut self, limit: i64) -> Result<Vec<Logged>> {
        licenses::list(&mut self.tx, self.org, limit).await
    }

    /// Returns what is on record about the subscriptions and invoices.
    pub async fn billing_facts(&mut self) -> Result<BillingFacts> {
        let (invoices, subscriptions) = licenses::find_billing_facts(&mut self.tx, self.org).await?;
        Ok(BillingFacts { subscriptions, invoices })
    }

    /// Returns the members.
    pub async fn members(&mut self) -> Result<Vec<Member>> {
        memberships::list_in(&mut self.tx, self.org).await
    }

    /// Returns the API keys, revoked ones included, newest first.
    pub async fn api_keys(&mut self) -> Result<Vec<ApiKey>> {
        api_keys::list(&mut self.tx, self.org).await
    }

    /// Returns a page of ledger entries, newest first.
    pub async fn entries(&mut self, filter: &Filter, limit: i64) -> Result<Vec<(Entry, EntryHash)>> {
        entries::list(&mut self.tx, self.org, filter, limit).await
    }

    /// Whether a spend has been refunded. `false` for an unknown spend.
    pub async fn is_refunded(&mut self, spend: TransactionId) -> Result<bool> {
        let found = entries::list_spends(&mut self.tx, &[(self.org.0, spend)]).await?;
        Ok(found.iter().any(|(_, _, spend)| spend.refunded_by.is_some()))
    }

    /// Returns the usage by day, from `from` on.
    pub async fn daily_usage(&mut self, from: NaiveDate) -> Result<Vec<DayUse>> {
        daily::list(&mut self.tx, self.org, from).await
    }

    /// Returns the payment history, newest first.
    pub async fn payment_history(&mut self, limit: i64) -> Result<Vec<PaymentHistoryItem>> {
        payment_history::list(&mut self.tx, self.org, limit).await
    }

    /// Returns the payment of a plan's invoice, or `None` if it has no receipt.
    pub async fn plan_payment(&mut self, invoice: &str) -> Result<Option<InvoiceReceipt>> {
        payment_history::find_plan_payment(&mut self.tx, self.org, invoice).await
    }

    /// Returns the order of a pack, or `None` if there is none with this id.
    pub async fn order(&mut self, id: PurchaseId) -> Result<Option<Order>> {
        purchases::find(&mut self.tx, self.org, id).await
    }

    /// Returns a hold, or `None` if there is none with this id.
    pub async fn hold(&mut self, id: HoldId) -> Result<Option<Hold>> {
        holds::find(&mut self.tx, self.org, id).await
    }

    /// Returns which of `holds` belong to quest jobs.
    pub async fn jobs_among(&mut self, holds: &[Uuid]) -> Result<BTreeSet<Uuid>> {
        quests::list_jobs_among(&mut self.tx, self.org, holds).await
    }

    /// Returns the goal of a quest job, or `None` if there is no such job.
    pub async fn goal(&mut self, job: JobId) -> Result<Option<Goal>> {
        quests::find_goal(&mut self.tx, self.org, job).await
    }

    /// Returns the newest quests, of one job or of all.
    pub async fn quests(&mut self, job: Option<JobId>, limit: i64) -> Result<Vec<Quest>> {
        quests::list(&mut self.tx, self.org, job, limit).await
    }
}
