//! The Stripe customers of organizations.

use brightmeter::ids::OrgId;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    clock::Clock,
    storage::{StorageError, organizations, stripe_customers, stripe_events, tenant},
    stripe::gateway::{Gateway, GatewayError},
};

/// Why an organization's Stripe customer could not be found or created.
#[derive(Debug, thiserror::Error)]
pub enum CustomerError {
    /// The request to Stripe failed.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Returns the Stripe id of an organization's customer. Creates the customer if there is none yet, idempotently per
/// order, and retries the events that were waiting for its id.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_or_create(
    pool: &PgPool,
    gateway: &dyn Gateway,
    clock: &dyn Clock,
    org: OrgId,
    order: Uuid,
) -> Result<String, CustomerError> {
    let mut tx = tenant::begin(pool, org).await?;
    if let Some(customer) = stripe_customers::find(&mut tx, org).await? {
        return Ok(customer);
    }
    let name = organizations::find_name(&mut tx, org).await?.unwrap_or_else(|| org.to_string());
    drop(tx);
    let customer = gateway.create_customer(org, order, &name).await?;
    let mut tx = tenant::begin(pool, org).await?;
    let customer = stripe_customers::insert(&mut tx, org, &customer, clock.now()).await?;
    stripe_events::wake(&mut tx, std::slice::from_ref(&customer), clock.now()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    Ok(customer)
}

/// Replaces a customer that Stripe no longer has by a new one, and returns the new one's Stripe id. The old one's events
/// are still recorded for the organization.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn replace(
    pool: &PgPool,
    gateway: &dyn Gateway,
    clock: &dyn Clock,
    org: OrgId,
    missing: &str,
) -> Result<String, CustomerError> {
    let mut tx = tenant::begin(pool, org).await?;
    stripe_customers::retire(&mut tx, org, missing, clock.now()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    tracing::warn!(%org, missing, "Stripe no longer has an organization's customer; creating another one");
    // Not by the order: Stripe would repeat its response for the missing customer.
    find_or_create(pool, gateway, clock, org, clock.new_id()).await
}
