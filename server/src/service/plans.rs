//! Plans that are paid through Stripe.
//!
//! Invoice events are recorded as they are. Subscription events are not: they only make us fetch the subscriptions from
//! Stripe ([`Plans::sync_subscription`]), as does every return from Checkout and every plan choice.

mod choice;
mod error;

use std::sync::Arc;

use brightmeter::{
    billing::{invoices::Invoices, subscription::SubscriptionSnapshot},
    catalog::Catalog,
    command::Command,
    ids::OrgId,
};
use sqlx::PgPool;

pub use self::{
    choice::{Next, STRIPE_TIMEOUT, check_license},
    error::PlanError,
};
use super::{
    purchases::{Purchases, SyncError},
    writer::{Submission, Writer},
};
use crate::{
    clock::Clock,
    storage::{StorageError, licenses, stripe_customers, tenant},
    stripe::gateway::{Gateway, GatewayError, RETURN_PATH},
};

/// Sells plans, and keeps plans and licenses in sync with Stripe.
#[derive(Clone)]
pub struct Plans {
    /// A pool with the application's role.
    pub pool: PgPool,
    /// Records Stripe's facts.
    pub writer: Writer,
    /// Stripe. `None` if nothing is for sale.
    pub gateway: Option<Arc<dyn Gateway>>,
    /// The plans on sale.
    pub catalog: Arc<Catalog>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// This server's public base URL, without a trailing slash.
    pub base_url: Arc<str>,
}

/// How our record of an organization's plan compares with Stripe's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Both agree.
    InSync,
    /// They differ.
    Differs,
    /// Both agree, but the organization pays for more than one subscription.
    DuplicateSubscriptions,
}

impl Plans {
    /// Uses the same pool, writer, gateway, catalog, clock and base URL as `purchases`.
    pub fn from_purchases(purchases: &Purchases) -> Self {
        let Purchases { pool, writer, gateway, catalog, clock, base_url, .. } = purchases.clone();
        Self { pool, writer, gateway, catalog, clock, base_url }
    }

    /// Records facts about an organization's invoices.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn record_invoices(&self, org: OrgId, facts: Invoices) -> Result<(), SyncError> {
        self.writer.submit(Submission::new(org, None, Command::RecordInvoices { facts })).await?;
        Ok(())
    }

    /// Fetches a customer's subscriptions from Stripe, records the snapshot for the organization and returns it.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sync_subscription(&self, org: OrgId, customer: &str) -> Result<SubscriptionSnapshot, SyncError> {
        let mut conn = self.pool.acquire().await.map_err(StorageError::from)?;
        // Drawn before the request, so that a snapshot with a higher number is at least as recent.
        let number = stripe_customers::next_snapshot_number(&mut conn).await?;
        drop(conn);
        let snapshot = self.gateway()?.find_subscription(customer, number).await?;
        if snapshot.additional > 0 {
            tracing::error!(%org, additional = snapshot.additional, "an organization pays for more than one subscription");
        }
        self.writer
            .submit(Submission::new(org, None, Command::SyncSubscription { snapshot: snapshot.clone() }))
            .await?;
        Ok(snapshot)
    }

    /// Finds the organization with this Stripe customer id.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn find_org(&self, customer: &str) -> Result<Option<OrgId>, StorageError> {
        let Some(mut tx) = tenant::begin_for_stripe_id(&self.pool, customer).await? else { return Ok(None) };
        stripe_customers::find_by_stripe_id(&mut tx, customer).await
    }

    /// Fetches an organization's subscriptions and invoices from Stripe and records them, for people who return from
    /// Stripe before its events arrive. Does nothing for an organization without a Stripe customer.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn refresh_from_stripe(&self, org: OrgId) -> Result<(), SyncError> {
        let Some(customer) = self.find_customer(org).await? else { return Ok(()) };
        self.sync_subscription(org, &customer).await?;
        let (stored, _) = self.load_stored(org).await?;
        match stored.new_facts(self.gateway()?.find_invoices(&customer).await?) {
            Some(changed) => self.record_invoices(org, changed).await,
            None => Ok(()),
        }
    }

    /// Compares our record of an organization's subscriptions and invoices with Stripe's, and changes nothing. Returns
    /// `None` for an organization without a Stripe customer.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn compare(&self, org: OrgId) -> Result<Option<Comparison>, SyncError> {
        let Some(customer) = self.find_customer(org).await? else { return Ok(None) };
        let snapshot = self.gateway()?.find_subscription(&customer, 0).await?;
        let invoices = self.gateway()?.find_invoices(&customer).await?;
        let (stored_invoices, stored) = self.load_stored(org).await?;
        let snapshot = snapshot.applied_after(stored.as_ref());
        let same = stored.map_or(snapshot.live.is_none(), |stored| stored.has_same_state(&snapshot));
        Ok(Some(match same && stored_invoices.new_facts(invoices).is_none() {
            false => Comparison::Differs,
            true if snapshot.additional > 0 => Comparison::DuplicateSubscriptions,
            true => Comparison::InSync,
        }))
    }

    /// Opens Stripe's customer portal and returns its URL.
    ///
    /// # Errors
    /// [`PlanError::NoSubscription`] if the organization has no Stripe customer.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn open_portal(&self, org: OrgId) -> Result<String, PlanError> {
        let customer = self.find_customer(org).await?.ok_or(PlanError::NoSubscription)?;
        Ok(self.gateway()?.open_portal(&customer, &format!("{}{RETURN_PATH}", self.base_url)).await?)
    }

    /// Loads our record of an organization's invoices and subscriptions.
    async fn load_stored(&self, org: OrgId) -> Result<(Invoices, Option<SubscriptionSnapshot>), StorageError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        licenses::find_invoices(&mut tx, org).await
    }

    fn gateway(&self) -> Result<&Arc<dyn Gateway>, GatewayError> {
        self.gateway.as_ref().ok_or_else(|| GatewayError::Refused("Stripe is not configured".into()))
    }

    /// Finds the Stripe id of an organization's customer.
    async fn find_customer(&self, org: OrgId) -> Result<Option<String>, StorageError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        stripe_customers::find(&mut tx, org).await
    }
}
