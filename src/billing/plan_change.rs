//! Plan changes: whether a chosen plan is a subscription, an upgrade or a downgrade. The preview page and the service
//! both use this decision, so they cannot disagree.

use std::cmp::Ordering;

use crate::{
    billing::{
        standing::InForce,
        subscription::{Status, Subscriptions},
    },
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
    /// Back to the plan of a paused subscription, immediately.
    Resume,
}

/// Whether the organization has a subscription at Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscribed<'a> {
    /// None that is live.
    No,
    /// One that is live.
    Live,
    /// One that is paused, to the plan with this name.
    Paused(&'a str),
}

impl<'a> Subscribed<'a> {
    /// Returns the state of the subscriptions on record, given the one in force.
    pub fn of(subscriptions: &'a Subscriptions, in_force: Option<&InForce<'_>>) -> Self {
        match (in_force, subscriptions.paused()) {
            (Some(in_force), _) if in_force.subscription.status != Status::Paused => Self::Live,
            (_, Some(paused)) => Self::Paused(paused.plan_name()),
            _ => Self::No,
        }
    }
}

impl PlanChange {
    /// Returns the kind of the change to `plan`.
    pub fn to(plan: &Plan, terms: &Terms, subscribed: Subscribed<'_>, catalog: &Catalog) -> Self {
        match catalog.plan_rank(&plan.name).cmp(&catalog.plan_rank(&terms.plan)) {
            _ if subscribed == Subscribed::Paused(plan.name.as_str()) => Self::Resume,
            _ if subscribed != Subscribed::Live => Self::Subscribe,
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
            Self::Resume => "resume",
        }
    }

    /// Parses a name from [`as_str`](Self::as_str); `None` if it is unknown.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Subscribe, Self::Upgrade, Self::Keep, Self::Downgrade, Self::Cancel, Self::Resume]
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
        let check = |from: &str, to: &str, subscribed: Subscribed<'_>, plan_change| {
            let account = Account::open(OrgId(uuid::Uuid::nil()), from.parse().unwrap(), Anchor(Instant::UNIX_EPOCH));
            let plan = catalog.plan(&to.parse().unwrap()).unwrap();
            assert_eq!(PlanChange::to(plan, &account.terms, subscribed, &catalog), plan_change, "{from} to {to}");
            assert_eq!(PlanChange::parse(plan_change.as_str()), Some(plan_change));
        };
        check("starter", "pro", Subscribed::No, PlanChange::Subscribe);
        check("pro", "pro", Subscribed::No, PlanChange::Subscribe);
        check("pro", "enterprise", Subscribed::Live, PlanChange::Upgrade);
        check("pro", "pro", Subscribed::Live, PlanChange::Keep);
        check("enterprise", "pro", Subscribed::Live, PlanChange::Downgrade);
        check("enterprise", "starter", Subscribed::Live, PlanChange::Cancel);
        check("starter", "pro", Subscribed::Paused("pro"), PlanChange::Resume);
        check("starter", "enterprise", Subscribed::Paused("pro"), PlanChange::Subscribe);
    }
}
