//! `brightmeter key create`.

use std::sync::Arc;

use brightmeter::{access::api_key::Scope, ids::ApiKeyId};
use chrono::TimeDelta;

use super::{CliError, open};
use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    service::{
        api_keys::{ApiKeys, NewKey},
        memberships,
    },
    stdout::say,
};

/// Creates an API key for the organization with the slug `org` and prints its secret.
pub(super) async fn create(
    config: &Config,
    org: &str,
    scope: Scope,
    name: &str,
    days: Option<u16>,
) -> Result<(), CliError> {
    let database = open(config).await?;
    let result = async {
        let found = memberships::find_org(&database.pools.app, org).await?;
        let id = found.ok_or_else(|| CliError::Refused(format!("organization `{org}` not found: use its slug")))?;
        let expires_at = days.map(|days| SystemClock.now() + TimeDelta::days(days.into()));
        let keys = ApiKeys::new(database.pools.app.clone(), Arc::new(SystemClock), !database.demo);
        let new = NewKey { id: ApiKeyId(SystemClock.new_id()), name, scope, expires_at, maker: None };
        Ok::<_, CliError>(keys.create(id, new).await?.1)
    };
    let secret = result.await;
    database.close().await?;
    say(secret?.reveal());
    Ok(())
}
