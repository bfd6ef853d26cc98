//! `brightmeter admin create-staff` and `brightmeter org create`.

use std::sync::Arc;

use super::{CliError, open};
use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    service::{
        passwords::Passwords,
        provisioning::{NewOrganization, Provisioning, random_password},
    },
    stdout::say,
    storage::pools::Pools,
};

/// Creates a staff user and prints the password.
pub(super) async fn create_staff(config: &Config, email: &str) -> Result<(), CliError> {
    let database = open(config).await?;
    let result = async {
        let password = random_password();
        provisioning(config, &database.pools)?.create_staff(&database.owner, email, email, &password).await?;
        Ok::<_, CliError>(password)
    };
    let password = result.await;
    database.close().await?;
    say(format!("Created staff user {email} with the password {}", password?));
    Ok(())
}

/// Creates an organization with its owner. Prints the owner's password if the owner is a new user.
pub(super) async fn create_org(
    config: &Config,
    slug: &str,
    name: &str,
    time_zone: &str,
    plan: &str,
    owner_email: &str,
) -> Result<(), CliError> {
    let database = open(config).await?;
    let result = async {
        let provisioning = provisioning(config, &database.pools)?;
        let new = NewOrganization { slug, name, time_zone, plan, anchor: SystemClock.now() };
        let password = provisioning.create_owned_organization(new, owner_email).await?;
        Ok::<_, CliError>(password)
    };
    let password = result.await;
    database.close().await?;
    let password = password?;
    say(format!("Created organization {slug} on the {plan} plan."));
    match password {
        Some(password) => say(format!("{owner_email} can sign in with the password {password}")),
        None => say(format!("{owner_email} is the owner and signs in with the existing password.")),
    }
    Ok(())
}

fn provisioning(config: &Config, pools: &Pools) -> Result<Provisioning, CliError> {
    Ok(Provisioning {
        pool: pools.writer.clone(),
        passwords: Passwords::new(1)?,
        catalog: Arc::new(config.catalog.clone()),
        clock: Arc::new(SystemClock),
    })
}
