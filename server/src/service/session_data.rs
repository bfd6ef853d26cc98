//! The record of a signed-in session.

use std::collections::HashMap;

use brightmeter::{
    ids::{MemberId, OrgId, UserId},
    time::Instant,
};
use serde::{Deserialize, Serialize};

use crate::service::memberships::Membership;

/// The key of [`SessionData`] in the session record.
pub(crate) const SESSION_DATA_KEY: &str = "signed_in";

/// The data stored in a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SessionData {
    pub(crate) user: UserId,
    /// `None` for staff without an organization.
    #[serde(flatten)]
    pub(crate) membership: Option<ActiveMembership>,
    pub(crate) signed_in_at: Instant,
    pub(crate) touched_at: Instant,
}

/// The membership that the session is using.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct ActiveMembership {
    pub(crate) org: OrgId,
    pub(crate) member: MemberId,
}

impl ActiveMembership {
    pub(crate) fn of(membership: &Membership) -> Self {
        Self { org: membership.organization.id, member: membership.id }
    }
}

/// Returns the user of a session record, or `None` if it has no sign-in data.
pub(crate) fn user_of(data: &HashMap<String, serde_json::Value>) -> Option<UserId> {
    let data = data.get(SESSION_DATA_KEY)?;
    SessionData::deserialize(data).ok().map(|data| data.user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_data_with_or_without_a_membership_survives_a_round_trip() {
        let (user, id) = (UserId(uuid::Uuid::from_u128(1)), uuid::Uuid::from_u128(2));
        let now: Instant = "2026-03-10T09:00:00Z".parse().unwrap();
        for membership in [None, Some(ActiveMembership { org: OrgId(id), member: MemberId(id) })] {
            let written = SessionData { user, membership, signed_in_at: now, touched_at: now };
            let written = serde_json::to_value(written).unwrap();
            assert_eq!(
                written.get("org").is_some(),
                membership.is_some(),
                "the field names must stay those of older sessions: {written}"
            );
            let read: SessionData = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(
                read.membership.map(|membership| (membership.org.0, membership.member.0)),
                membership.map(|_| (id, id))
            );
            assert_eq!(user_of(&HashMap::from([(SESSION_DATA_KEY.to_owned(), written)])), Some(user));
        }
    }
}
