//! Roles within an organization, and the actions that each role permits.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A member's role in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Uses AI features.
    Member,
    /// Manages the organization.
    Admin,
    /// Manages the organization, and owns it.
    Owner,
}

/// An action that requires a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Order a pack and pay for it.
    BuyPacks,
    /// Preview, subscribe to, change or cancel a plan.
    ChangePlan,
    /// Open Stripe's customer portal: invoices and cards.
    OpenCustomerPortal,
    /// See purchases, plan payments and their receipts.
    ViewPurchases,
    /// List, create and revoke API keys.
    ManageApiKeys,
    /// Refund a spend or a captured hold in a browser session.
    RefundSpends,
}

/// The error for an unknown role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is owner, admin or member, not `{0}`")]
pub struct UnknownRole(String);

/// The error for an action that the role does not permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only owners and admins of the organization may do this")]
pub struct Forbidden;

impl Role {
    /// All roles, from least to most.
    pub const ALL: [Self; 3] = [Self::Member, Self::Admin, Self::Owner];

    /// The name in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Whether the role permits `action`: the permission table.
    pub const fn permits(self, action: Action) -> bool {
        match action {
            Action::BuyPacks
            | Action::ChangePlan
            | Action::OpenCustomerPortal
            | Action::ViewPurchases
            | Action::ManageApiKeys
            | Action::RefundSpends => matches!(self, Self::Owner | Self::Admin),
        }
    }
}

impl TryFrom<String> for Role {
    type Error = UnknownRole;

    fn try_from(text: String) -> Result<Self, UnknownRole> {
        text.parse()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| UnknownRole(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIONS: [Action; 6] = [
        Action::BuyPacks,
        Action::ChangePlan,
        Action::OpenCustomerPortal,
        Action::ViewPurchases,
        Action::ManageApiKeys,
        Action::RefundSpends,
    ];

    #[test]
    fn owners_and_admins_manage_and_members_do_not() {
        for action in ACTIONS {
            let permitted: Vec<Role> = Role::ALL.into_iter().filter(|role| role.permits(action)).collect();
            assert_eq!(permitted, [Role::Admin, Role::Owner], "{action:?}");
        }
    }

    #[test]
    fn only_the_name_of_a_role_parses_as_that_role() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert_eq!("Owner".parse::<Role>().unwrap_err().to_string(), "a role is owner, admin or member, not `Owner`");
    }
}
