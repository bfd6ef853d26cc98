//! Seeds the sandbox with the subscriptions of the demo's organizations.

use brightmeter::catalog::Catalog;

use crate::{
    clock::Clock,
    demo::stripe_sandbox::{Sandbox, SeedAccount},
    storage::{Result, accounts, organizations, pools::Pools, stripe_customers, sweeps, tenant},
    stripe::gateway::{PricedPlan, price_key},
};

/// Gives every organization on a paid plan a customer and a subscription in the sandbox, anchored like its billing
/// periods. Idempotent.
pub async fn seed_subscriptions(pools: &Pools, catalog: &Catalog, sandbox: &Sandbox, clock: &dyn Clock) -> Result<()> {
    let mut tx = tenant::begin_for_all_accounts(&pools.writer).await?;
    let orgs = sweeps::list_all(&mut tx).await?;
    drop(tx);
    for org in orgs {
        let mut tx = tenant::begin(&pools.app, org).await?;
        let Some(found) = accounts::find(&mut tx, org).await? else { continue };
        let terms = found.account.terms;
        let Some(plan) = catalog.plan(&terms.plan).filter(|plan| plan.price_cents > 0) else { continue };
        let name = organizations::find_name(&mut tx, org).await?.unwrap_or_default();
        let customer = format!("cus_demo_{}", org.0.simple());
        let customer = stripe_customers::insert(&mut tx, org, &customer, clock.now()).await?;
        tx.commit().await?;
        sandbox.seed(SeedAccount {
            customer,
            org: org.to_string(),
            name,
            plan: plan.name.to_string(),
            label: plan.label.clone(),
            lookup_key: price_key(PricedPlan { plan, price: catalog.money(plan.price_cents) }),
            price_cents: plan.price_cents.into(),
            anchor: terms.anchor.0.timestamp(),
        });
    }
    Ok(())
}
