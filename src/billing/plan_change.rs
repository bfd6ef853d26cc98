//! Plan changes: whether a chosen plan is a subscription, an upgrade or a downgrade. The preview page and the service
//! both use this decision, so they cannot disagree.

use std::cmp::Ordering;

use crate::{
    catalog::{Catalog, Plan},
    ledger::account::Terms,
};

/// The kind of a plan change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanChange {
    /// A first subscription through Stripe, whatever the plan.
    Subscribe,
    /// To a larger plan, immediately.
    Upgrade,
    /// To the current plan: withdraws a planned downgrade or cancellation.
    Keep,
    /// To a smaller paid plan, at the next reset.
    Downgrade,
    /// To the free plan, at the next reset.
    Cancel,
}

impl PlanChange {
    /// Returns the kind of the change to `plan`. `subscribed`: whether the organization has a live Stripe subscription.
    pub fn to(plan: &Plan, terms: &Terms, subscribed: bool, catalog: &Catalog) -> Self {
        match catalog.plan_rank(&plan.name).cmp(&catalog.plan_rank(&terms.plan)) {
            _ if !subscribed => Self::Subscribe,
            Ordering::Greater => Self::Upgrade,
            Ordering::Equal => Self::Keep,
            Ordering::Less if plan.price_cents == 0 => Self::Cancel,
            Ordering::Less => Self::Downgrade,
        }
    }

    /// The name in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Upgrade => "upgrade",
            Self::Keep => "keep",
            Self::Downgrade => "downgrade",
            Self::Cancel => "cancel",
        }
    }

    /// Parses a name from [`as_str`](Self::as_str); `None` if it is unknown.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Subscribe, Self::Upgrade, Self::Keep, Self::Downgrade, Self::Cancel]
            .into_iter()
            .find(|it| it.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DEFAULT_CATALOG, billing::period::Anchor, ids::OrgId, ledger::account::Account, time::Instant};

    #[test]
    fn the_order_of_the_catalog_decides_between_upgrade_and_downgrade() {
        let catalog = Catalog::parse(DEFAULT_CATALOG).unwrap();
        let check = |from: &str, to: &str, subscribed, plan_change| {
            let account = Account::open(OrgId(uuid::Uuid::nil()), from.parse().unwrap(), Anchor(Instant::UNIX_EPOCH));
            let plan = catalog.plan(&to.parse().unwrap()).unwrap();
            assert_eq!(PlanChange::to(plan, &account.terms, subscribed, &catalog), plan_change, "{from} to {to}");
            assert_eq!(PlanChange::parse(plan_change.as_str()), Some(plan_change));
        };
        check("starter", "pro", false, PlanChange::Subscribe);
        check("pro", "pro", false, PlanChange::Subscribe);
        check("pro", "enterprise", true, PlanChange::Upgrade);
        check("pro", "pro", true, PlanChange::Keep);
        check("enterprise", "pro", true, PlanChange::Downgrade);
        check("enterprise", "starter", true, PlanChange::Cancel);
    }
}
