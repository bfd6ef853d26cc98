//! The API keys and members that a batch's commands refer to, in the state in which the commands are decided.

use std::collections::{BTreeMap, BTreeSet};

use brightmeter::{
    access::api_key::Denial,
    command::{Caller, Command},
    ids::MemberId,
    time::Instant,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Permit, Submission, batch::OpenAccount, remembered::RememberedAccount};
use crate::storage::{Result, api_keys, memberships};

/// Loads the API keys and members of `submissions` into their accounts, which know none of them yet. Runs no query if
/// no command was sent with an API key.
pub(super) async fn load(
    conn: &mut PgConnection,
    submissions: &[&Submission],
    accounts: &mut BTreeMap<Uuid, OpenAccount>,
) -> Result<()> {
    let named = || {
        submissions.iter().filter_map(|submission| Some((submission.org.0, submission.permit?, &submission.command)))
    };
    let keys: BTreeSet<(Uuid, Uuid)> = named().map(|(org, permit, _)| (org, permit.api_key.0)).collect();
    let members: BTreeSet<(Uuid, Uuid)> =
        named().filter_map(|(org, _, command)| Some((org, member(command)?.0))).collect();
    if !keys.is_empty() {
        for (org, key) in api_keys::list_named(conn, &keys.into_iter().collect::<Vec<_>>()).await? {
            if let Some(open) = accounts.get_mut(&org.0) {
                open.known.api_keys.insert(key.id, key);
            }
        }
    }
    if !members.is_empty() {
        for (org, member) in memberships::list_named(conn, &members.into_iter().collect::<Vec<_>>()).await? {
            if let Some(open) = accounts.get_mut(&org.0) {
                open.known.members.insert(member);
            }
        }
    }
    Ok(())
}

/// Checks that the API key is active at `now` and has the permission, and that the command's member exists.
pub(super) fn check(
    known: &RememberedAccount,
    permit: &Permit,
    command: &Command,
    now: Instant,
) -> std::result::Result<(), Denial> {
    known.api_keys.get(&permit.api_key).ok_or(Denial::InvalidKey)?.check(permit.needs, now)?;
    match member(command) {
        Some(member) if !known.members.contains(&member) => Err(Denial::UnknownMember),
        _ => Ok(()),
    }
}

/// Returns the member that a command acts for.
pub(super) fn member(command: &Command) -> Option<MemberId> {
    command.rate_limited_caller().and_then(Caller::member)
}
