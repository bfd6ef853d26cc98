//! Identities. Each wraps a UUID that the server made, so that one cannot stand where another is meant.

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
    /// A tenant.
    OrgId;
    /// A person who signs in; may belong to several organizations.
    UserId;
    /// A person's membership in one organization.
    MemberId;
    /// An API key.
    ApiKeyId;
    /// A lot of tokens.
    GrantId;
    /// A reservation for one job: the id of the transaction that opened it.
    HoldId;
    /// One applied command; every entry carries the one that made it.
    TransactionId;
    /// A pack that was ordered.
    PurchaseId;
    /// A plan that was chosen.
    PlanOrderId;
    /// One run of an AI feature.
    JobId;
}
