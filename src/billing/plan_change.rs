//! Which way it goes from the present plan to another one. The page that says what that means, and whoever does it, ask here.

use std::cmp::Ordering;

use crate::{
    catalog::{Catalog, Plan},
    ledger::account::Terms,
};

/// Which way a choice of a plan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Nothing is paid through Stripe yet.
    Subscribe,
    /// To a larger plan: at once.
    Up,
    /// To the present plan, after all.
    Stay,
    /// To a smaller plan: at the next reset.
    Down,
    /// To the free plan: at the next reset.
    End,
}

impl Course {
    /// Which way it goes to `plan`, for whom has a subscription or not.
    pub fn to(plan: &Plan, terms: &Terms, subscribed: bool, catalog: &Catalog) -> Self {
        match catalog.plan_rank(&plan.name).cmp(&catalog.plan_rank(&terms.plan)) {
            _ if !subscribed => Self::Subscribe,
            Ordering::Greater => Self::Up,
            Ordering::Equal => Self::Stay,
            Ordering::Less if plan.price_cents == 0 => Self::End,
            Ordering::Less => Self::Down,
        }
    }

    /// Its name in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Up => "up",
            Self::Stay => "stay",
            Self::Down => "down",
            Self::End => "end",
        }
    }

    /// The one of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Subscribe, Self::Up, Self::Stay, Self::Down, Self::End].into_iter().find(|it| it.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DEFAULT_CATALOG, billing::period::Anchor, ids::OrgId, ledger::account::Account, time::Instant};

    #[test]
    fn it_goes_up_and_down_by_the_order_of_the_catalog() {
        let catalog = Catalog::parse(DEFAULT_CATALOG).unwrap();
        let check = |from: &str, to: &str, subscribed, course| {
            let account = Account::open(OrgId(uuid::Uuid::nil()), from.parse().unwrap(), Anchor(Instant::UNIX_EPOCH));
            let plan = catalog.plan(&to.parse().unwrap()).unwrap();
            assert_eq!(Course::to(plan, &account.terms, subscribed, &catalog), course, "{from} to {to}");
            assert_eq!(Course::parse(course.as_str()), Some(course));
        };
        check("starter", "pro", false, Course::Subscribe);
        check("pro", "pro", false, Course::Subscribe);
        check("pro", "enterprise", true, Course::Up);
        check("pro", "pro", true, Course::Stay);
        check("enterprise", "pro", true, Course::Down);
        check("enterprise", "starter", true, Course::End);
    }
}
