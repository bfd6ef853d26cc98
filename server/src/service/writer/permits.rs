//! The API keys and members that a batch's commands refer to, in the state in which the commands are decided.

use std::collections::{BTreeMap, BTreeSet};

use brightmeter::{
    access::api_key::{ApiKey, Denial},
    command::{Caller, Command},
    ids::{ApiKeyId, MemberId, OrgId},
    time::Instant,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Permit, Submission};
use crate::storage::{Result, api_keys, memberships};

/// The existing API keys and members.
#[derive(Debug, Default)]
pub(super) struct Permits {
    keys: BTreeMap<(OrgId, ApiKeyId), ApiKey>,
    members: BTreeSet<(OrgId, MemberId)>,
}

impl Permits {
    /// Loads the API keys and members of `submissions`. Runs no query if none was sent with an API key.
    pub(super) async fn load(conn: &mut PgConnection, submissions: &[&Submission]) -> Result<Self> {
        let named = || {
            submissions
                .iter()
                .filter_map(|submission| Some((submission.org.0, submission.permit?, &submission.command)))
        };
        let keys: BTreeSet<(Uuid, Uuid)> = named().map(|(org, permit, _)| (org, permit.api_key.0)).collect();
        let members: BTreeSet<(Uuid, Uuid)> =
            named().filter_map(|(org, _, command)| Some((org, member(command)?.0))).collect();
        let mut permits = Self::default();
        if !keys.is_empty() {
            let found = api_keys::list_named(conn, &keys.into_iter().collect::<Vec<_>>()).await?;
            permits.keys = found.into_iter().map(|(org, key)| ((org, key.id), key)).collect();
        }
        if !members.is_empty() {
            let found = memberships::list_named(conn, &members.into_iter().collect::<Vec<_>>()).await?;
            permits.members = found.into_iter().collect();
        }
        Ok(permits)
    }

    /// Checks that the API key is active at `now` and has the permission, and that the command's member exists.
    pub(super) fn check(
        &self,
        org: OrgId,
        permit: &Permit,
        command: &Command,
        now: Instant,
    ) -> std::result::Result<(), Denial> {
        self.keys.get(&(org, permit.api_key)).ok_or(Denial::InvalidKey)?.check(permit.needs, now)?;
        match member(command) {
            Some(member) if !self.members.contains(&(org, member)) => Err(Denial::UnknownMember),
            _ => Ok(()),
        }
    }
}

/// Returns the member that a command acts for.
fn member(command: &Command) -> Option<MemberId> {
    command.rate_limited_caller().and_then(Caller::member)
}
