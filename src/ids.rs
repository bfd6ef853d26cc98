//! Typed ids. Each wraps a UUID that the server generated, so that the compiler rejects one kind of id in place of
//! another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// The id of an organization, which is the tenant.
    OrgId;
    /// The id of a user. A user may belong to several organizations.
    UserId;
    /// The id of a user's membership in one organization.
    MemberId;
    /// The id of an API key.
    ApiKeyId;
    /// The id of a grant.
    GrantId;
    /// The id of a hold. Equals the id of the transaction that opened it.
    HoldId;
    /// The id of an applied command. Every entry carries the id of its command.
    TransactionId;
    /// The id of a pack purchase.
    PurchaseId;
    /// The id of a plan order.
    PlanOrderId;
    /// The id of one run of an AI feature.
    JobId;
}

/// The id of a guard: a member's id, or the id of an API key that acts for no member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuardId(pub Uuid);
