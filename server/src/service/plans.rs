//! Plans that are paid through Stripe: what is told of their invoices is taken in, and what is told of their subscriptions is
//! reason to ask Stripe how they stand.

use std::sync::Arc;

use brightmeter::{command::Command, dues::Dues, ids::OrgId};
use sqlx::PgPool;

use super::{
    purchases::SettleError,
    writer::{Submission, Writer},
};
use crate::{
    storage::{StorageError, stripe_customers, tenant},
    stripe::gateway::{Gateway, GatewayError},
};

/// Has plans and licenses follow Stripe.
#[derive(Clone)]
pub struct Plans {
    /// As the application's role.
    pub pool: PgPool,
    /// Books what was told.
    pub writer: Writer,
    /// Stripe; none where nothing is for sale.
    pub gateway: Option<Arc<dyn Gateway>>,
}

impl Plans {
    /// Takes in what Stripe told of an organization's invoices.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn bill(&self, org: OrgId, told: Dues) -> Result<(), SettleError> {
        self.writer.submit(Submission::new(org, None, Command::Bill { told })).await?;
        Ok(())
    }

    /// Asks Stripe how the subscriptions of an organization's customer stand, and takes that in.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn follow(&self, org: OrgId, customer: &str) -> Result<(), SettleError> {
        let mut conn = self.pool.acquire().await.map_err(StorageError::from)?;
        // Before it asks: whoever asks later knows at least as much.
        let number = stripe_customers::next_reading(&mut conn).await?;
        drop(conn);
        let gateway = self.gateway.as_ref().ok_or_else(|| GatewayError::Refused("nothing is for sale here".into()))?;
        let reading = gateway.find_subscription(customer, number).await?;
        self.writer.submit(Submission::new(org, None, Command::Follow { reading })).await?;
        Ok(())
    }

    /// Whom Stripe knows by this name.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn find_customer(&self, name: &str) -> Result<Option<OrgId>, StorageError> {
        let Some(mut tx) = tenant::begin_told(&self.pool, name).await? else { return Ok(None) };
        stripe_customers::find_told(&mut tx, name).await
    }
}
