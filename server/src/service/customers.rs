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

/// Sends a request that names an organization's `customer`. If Stripe no longer has the customer, creates another one and
/// sends the request again, once. The old one's events are still recorded for the organization.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn send_for<T, F: Future<Output = Result<T, GatewayError>>>(
    pool: &PgPool,
    gateway: &dyn Gateway,
    clock: &dyn Clock,
    (org, customer): (OrgId, &str),
    send: impl Fn(String) -> F,
) -> Result<T, CustomerError> {
    match send(customer.to_owned()).await {
        Err(GatewayError::CustomerMissing(_)) => {}
        sent => return Ok(sent?),
    }
    let mut tx = tenant::begin(pool, org).await?;
    stripe_customers::retire(&mut tx, org, customer, clock.now()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    tracing::warn!(%org, customer, "Stripe no longer has an organization's customer; creating another one");
    // Not by the order: Stripe would repeat its response for the missing customer.
    let customer = find_or_create(pool, gateway, clock, org, clock.new_id()).await?;
    Ok(send(customer).await?)
}
