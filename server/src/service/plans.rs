//! Plans that are paid through Stripe. What is told of their invoices is taken in; what is told of their subscriptions is reason to
//! ask Stripe how they stand ([`Plans::follow`]), and so is whoever comes back from Checkout, and every choice that was made here.

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
    purchases::{Purchases, SettleError},
    writer::{Submission, Writer},
};
use crate::{
    clock::Clock,
    storage::{StorageError, licenses, stripe_customers, tenant},
    stripe::gateway::{Gateway, GatewayError, RETURN_PATH},
};

/// Sells plans, and has plans and licenses follow Stripe.
#[derive(Clone)]
pub struct Plans {
    /// As the application's role.
    pub pool: PgPool,
    /// Books what was told.
    pub writer: Writer,
    /// Stripe; none where nothing is for sale.
    pub gateway: Option<Arc<dyn Gateway>>,
    /// What is sold.
    pub catalog: Arc<Catalog>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where people reach this server, without a slash at the end.
    pub site: Arc<str>,
}

/// How what is known of a plan compares with what Stripe says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// It is the same.
    Same,
    /// It is not.
    Otherwise,
    /// It is, and more than one subscription is paid for.
    PaidTwice,
}

impl Plans {
    /// Sells plans where `purchases` sells packs.
    pub fn beside(purchases: &Purchases) -> Self {
        let Purchases { pool, writer, gateway, catalog, clock, site, .. } = purchases.clone();
        Self { pool, writer, gateway, catalog, clock, site }
    }

    /// Takes in what Stripe told of an organization's invoices.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn bill(&self, org: OrgId, facts: Invoices) -> Result<(), SettleError> {
        self.writer.submit(Submission::new(org, None, Command::RecordInvoices { facts })).await?;
        Ok(())
    }

    /// Asks Stripe how the subscriptions of an organization's customer stand, and takes that in.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn follow(&self, org: OrgId, customer: &str) -> Result<SubscriptionSnapshot, SettleError> {
        let mut conn = self.pool.acquire().await.map_err(StorageError::from)?;
        // Before it asks: whoever asks later knows at least as much.
        let number = stripe_customers::next_snapshot_number(&mut conn).await?;
        drop(conn);
        let snapshot = self.gateway()?.find_subscription(customer, number).await?;
        if snapshot.further > 0 {
            tracing::error!(%org, further = snapshot.further, "an organization pays for more than one subscription");
        }
        self.writer
            .submit(Submission::new(org, None, Command::SyncSubscription { snapshot: snapshot.clone() }))
            .await?;
        Ok(snapshot)
    }

    /// Whom Stripe knows by this name.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn find_customer(&self, name: &str) -> Result<Option<OrgId>, StorageError> {
        let Some(mut tx) = tenant::begin_told(&self.pool, name).await? else { return Ok(None) };
        stripe_customers::find_told(&mut tx, name).await
    }

    /// Takes in how the subscriptions and invoices of an organization stand, for whoever comes back from Stripe before its events do;
    /// nothing for whom Stripe does not know.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn look_again(&self, org: OrgId) -> Result<(), SettleError> {
        let Some(customer) = self.customer_of(org).await? else { return Ok(()) };
        self.follow(org, &customer).await?;
        let (known, _) = self.known(org).await?;
        match known.learn(self.gateway()?.find_invoices(&customer).await?) {
            Some(news) => self.bill(org, news).await,
            None => Ok(()),
        }
    }

    /// How what is known of an organization's subscriptions and invoices compares with what Stripe says; nothing for whom Stripe does
    /// not know.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn compare(&self, org: OrgId) -> Result<Option<Compared>, SettleError> {
        let Some(customer) = self.customer_of(org).await? else { return Ok(None) };
        let snapshot = self.gateway()?.find_subscription(&customer, 0).await?;
        let invoices = self.gateway()?.find_invoices(&customer).await?;
        let (known_invoices, known) = self.known(org).await?;
        let snapshot = snapshot.after(known.as_ref());
        let same = known.map_or(snapshot.live.is_none(), |known| known.says_the_same(&snapshot));
        Ok(Some(match same && known_invoices.learn(invoices).is_none() {
            false => Compared::Otherwise,
            true if snapshot.further > 0 => Compared::PaidTwice,
            true => Compared::Same,
        }))
    }

    /// Stripe's page where invoices are paid and cards are changed.
    ///
    /// # Errors
    /// [`PlanError`].
    pub async fn portal(&self, org: OrgId) -> Result<String, PlanError> {
        let customer = self.customer_of(org).await?.ok_or(PlanError::NoSubscription)?;
        Ok(self.gateway()?.open_portal(&customer, &format!("{}{RETURN_PATH}", self.site)).await?)
    }

    /// What is known of an organization's invoices and subscriptions.
    async fn known(&self, org: OrgId) -> Result<(Invoices, Option<SubscriptionSnapshot>), StorageError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        licenses::find_invoices(&mut tx, org).await
    }

    fn gateway(&self) -> Result<&Arc<dyn Gateway>, GatewayError> {
        self.gateway.as_ref().ok_or_else(|| GatewayError::Refused("nothing is for sale here".into()))
    }

    async fn customer_of(&self, org: OrgId) -> Result<Option<String>, StorageError> {
        let mut tx = tenant::begin(&self.pool, org).await?;
        stripe_customers::find(&mut tx, org).await
    }
}
