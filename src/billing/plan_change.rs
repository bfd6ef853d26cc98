//! Which way it goes from the present plan to another one. The page that says what that means, and whoever does it, ask here.

use std::cmp::Ordering;

use crate::{
    catalog::{Catalog, Plan},
    ledger::account::Terms,
};

/// Which way a choice of a plan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanChange {
    /// Nothing is paid through Stripe yet.
    Subscribe,
    /// To a larger plan: at once.
    Upgrade,
    /// To the present plan, after all.
    Keep,
    /// To a smaller plan: at the next reset.
    Downgrade,
    /// To the free plan: at the next reset.
    Cancel,
}

impl PlanChange {
    /// Which way it goes to `plan`, for whom has a subscription or not.
    pub fn to(plan: &Plan, terms: &Terms, subscribed: bool, catalog: &Catalog) -> Self {
        match catalog.plan_rank(&plan.name).cmp(&catalog.plan_rank(&terms.plan)) {
            _ if !subscribed => Self::Subscribe,
            Ordering::Greater => Self::Upgrade,
            Ordering::Equal => Self::Keep,
            Ordering::Less if plan.price_cents == 0 => Self::Cancel,
            Ordering::Less => Self::Downgrade,
        }
    }

    /// Its name in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Upgrade => "up",
            Self::Keep => "stay",
            Self::Downgrade => "down",
            Self::Cancel => "end",
        }
    }

    /// The one of that name.
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
    fn it_goes_up_and_down_by_the_order_of_the_catalog() {
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
