//! What if: a month's revenue and costs for other prices, other costs and other customers than the catalog has.

use std::{collections::BTreeMap, fmt};

use super::{Catalog, Margin, MarginLine};
use crate::names::{PackName, PlanName, TokenType};

/// How many customers of a plan, and packs of a kind, a month may have.
const MAX_COUNT: u32 = 1_000;
/// How many customers a what-if starts with, shared evenly among the plans that cost something.
const MAX_CUSTOMERS: u32 = 100;
/// A price can be moved up to four times what the catalog has, and at least up to this, in cents.
const LEAST_PRICE_REACH: u32 = 10_000;
/// The same for what a token costs, in millionths of a dollar.
const LEAST_COST_REACH: u32 = 10_000;

/// A figure that can be changed. Shown as it stands in addresses: `price-plan-pro`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// How many customers a plan has.
    Customers(PlanName),
    /// How many packs are sold in a month.
    Sold(PackName),
    /// What a month of a plan costs a customer, in cents.
    PlanPrice(PlanName),
    /// What a pack costs a customer, in cents.
    PackPrice(PackName),
    /// What one token costs to serve, in millionths of a dollar.
    UnitCost(TokenType),
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customers(plan) => write!(f, "customers-{plan}"),
            Self::Sold(pack) => write!(f, "sold-{pack}"),
            Self::PlanPrice(plan) => write!(f, "price-plan-{plan}"),
            Self::PackPrice(pack) => write!(f, "price-pack-{pack}"),
            Self::UnitCost(token_type) => write!(f, "cost-{token_type}"),
        }
    }
}

/// A figure that is larger than it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is at most {0}")]
pub struct OutOfReach(pub u32);

/// A catalog with other figures, and who buys of it in a month.
#[derive(Clone, Debug)]
pub struct WhatIf<'a> {
    sold: &'a Catalog,
    assumed: Catalog,
    customers: BTreeMap<PlanName, u32>,
    packs: BTreeMap<PackName, u32>,
}

impl<'a> WhatIf<'a> {
    /// The catalog as it is, with a hundred customers shared evenly among the plans that cost something, and no packs.
    pub fn new(sold: &'a Catalog) -> Self {
        let paid: Vec<PlanName> = paid_plans(sold).cloned().collect();
        let count = u32::try_from(paid.len()).unwrap_or(u32::MAX).max(1);
        // Where they cannot be shared evenly, the smaller plans have one more.
        let extra = usize::try_from(MAX_CUSTOMERS % count).unwrap_or_default();
        let share = |place: usize| MAX_CUSTOMERS / count + u32::from(place < extra);
        let customers = paid.into_iter().enumerate().map(|(place, plan)| (plan, share(place))).collect();
        Self { sold, assumed: sold.clone(), customers, packs: BTreeMap::new() }
    }

    /// Every figure, in the catalog's order.
    pub fn figures(&self) -> Vec<Figure> {
        let catalog = self.sold;
        let packs = || catalog.packs.iter().map(|pack| pack.name.clone());
        let customers = paid_plans(catalog).cloned().map(Figure::Customers);
        let prices = paid_plans(catalog).cloned().map(Figure::PlanPrice).chain(packs().map(Figure::PackPrice));
        let costs = catalog.token_types.iter().map(|spec| Figure::UnitCost(spec.name.clone()));
        customers.chain(packs().map(Figure::Sold)).chain(prices).chain(costs).collect()
    }

    /// What people read for a figure: the name of the plan, pack or token type.
    pub fn label(&self, figure: &Figure) -> &str {
        let label = match figure {
            Figure::Customers(plan) | Figure::PlanPrice(plan) => self.sold.plan(plan).map(|plan| &plan.label),
            Figure::Sold(pack) | Figure::PackPrice(pack) => {
                self.sold.packs.iter().find(|it| it.name == *pack).map(|pack| &pack.label)
            }
            Figure::UnitCost(token_type) => self.sold.token_type(token_type).map(|spec| &spec.label),
        };
        label.map_or("", String::as_str)
    }

    /// The figure as it is assumed.
    pub fn value(&self, figure: &Figure) -> u32 {
        match figure {
            Figure::Customers(plan) => self.customers.get(plan).copied().unwrap_or_default(),
            Figure::Sold(pack) => self.packs.get(pack).copied().unwrap_or_default(),
            figure => price_or_cost(&self.assumed, figure),
        }
    }

    /// How large it can be.
    pub fn most(&self, figure: &Figure) -> u32 {
        let least = match figure {
            Figure::Customers(_) | Figure::Sold(_) => return MAX_COUNT,
            Figure::PlanPrice(_) | Figure::PackPrice(_) => LEAST_PRICE_REACH,
            Figure::UnitCost(_) => LEAST_COST_REACH,
        };
        price_or_cost(self.sold, figure).saturating_mul(4).max(least)
    }

    /// Assumes another figure.
    ///
    /// # Errors
    /// [`OutOfReach`]; then it stays what it is.
    pub fn set(&mut self, figure: &Figure, value: u32) -> Result<(), OutOfReach> {
        let most = self.most(figure);
        if value > most {
            return Err(OutOfReach(most));
        }
        match figure {
            Figure::Customers(plan) => {
                self.customers.insert(plan.clone(), value);
            }
            Figure::Sold(pack) => {
                self.packs.insert(pack.clone(), value);
            }
            Figure::PlanPrice(plan) => {
                let plans = self.assumed.plans.iter_mut().filter(|it| it.name == *plan);
                plans.for_each(|plan| plan.price_cents = value);
            }
            Figure::PackPrice(pack) => {
                let packs = self.assumed.packs.iter_mut().filter(|it| it.name == *pack);
                packs.for_each(|pack| pack.price_cents = value);
            }
            Figure::UnitCost(token_type) => {
                let specs = self.assumed.token_types.iter_mut().filter(|it| it.name == *token_type);
                specs.for_each(|spec| spec.unit_cost_micros = value);
            }
        }
        Ok(())
    }

    /// The month that comes of it.
    pub fn month(&self) -> Month {
        let floor = self.assumed.margin_floor();
        let plans = self.assumed.plans.iter().map(|plan| (&plan.label, self.customers.get(&plan.name)));
        let packs = self.assumed.packs.iter().map(|pack| (&pack.label, self.packs.get(&pack.name)));
        let lines =
            self.assumed.margins().into_iter().zip(plans.chain(packs)).map(|(each, (label, count))| MonthLine {
                label: label.clone(),
                count: count.copied().unwrap_or_default(),
                missing: each.margin.and_then(|margin| margin.missing(floor)),
                each,
            });
        Month { lines: lines.collect() }
    }
}

fn paid_plans(catalog: &Catalog) -> impl Iterator<Item = &PlanName> {
    catalog.plans.iter().filter(|plan| plan.price_cents > 0).map(|plan| &plan.name)
}

/// The price or cost as `catalog` has it.
fn price_or_cost(catalog: &Catalog, figure: &Figure) -> u32 {
    match figure {
        Figure::PlanPrice(plan) => catalog.plan(plan).map_or(0, |plan| plan.price_cents),
        Figure::PackPrice(pack) => catalog.packs.iter().find(|it| it.name == *pack).map_or(0, |pack| pack.price_cents),
        Figure::UnitCost(token_type) => catalog.token_type(token_type).map_or(0, |spec| spec.unit_cost_micros),
        Figure::Customers(_) | Figure::Sold(_) => 0,
    }
}

/// What a month brings and costs, if every token of it is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Month {
    /// Plans, then packs, in the catalog's order.
    pub lines: Vec<MonthLine>,
}

/// A plan or pack in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthLine {
    /// What people read.
    pub label: String,
    /// What one brings and costs.
    pub each: MarginLine,
    /// How many are sold.
    pub count: u32,
    /// By how much its margin misses the floor: `0.9 points`; nothing if it does not.
    pub missing: Option<String>,
}

impl MonthLine {
    /// What all of them bring, in cents.
    pub fn revenue_cents(&self) -> u64 {
        u64::from(self.each.price_cents) * u64::from(self.count)
    }

    /// What all of them cost to serve, in millionths of a dollar.
    pub fn cost_micros(&self) -> u64 {
        self.each.cost_micros.saturating_mul(u64::from(self.count))
    }
}

impl Month {
    /// What it brings, in cents.
    pub fn revenue_cents(&self) -> u64 {
        self.lines.iter().map(MonthLine::revenue_cents).fold(0, u64::saturating_add)
    }

    /// What it costs to serve, in millionths of a dollar.
    pub fn cost_micros(&self) -> u64 {
        self.lines.iter().map(MonthLine::cost_micros).fold(0, u64::saturating_add)
    }

    /// What is left of it; nothing where nothing is sold.
    pub fn margin(&self) -> Option<Margin> {
        Margin::of(self.revenue_cents(), self.cost_micros())
    }

    /// What is sold, and how many of it.
    pub fn mix(&self) -> Vec<(u32, &str)> {
        let sold = self.lines.iter().filter(|line| line.count > 0);
        sold.map(|line| (line.count, line.label.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEFAULT_CATALOG;

    fn catalog() -> Catalog {
        Catalog::parse(DEFAULT_CATALOG).unwrap()
    }

    /// What a month brings in dollars, costs in dollars, and which lines are under the floor, with these figures.
    fn check(figures: &[(&str, u32)], expected: (u64, u64, &[&str])) {
        let catalog = catalog();
        let mut what_if = WhatIf::new(&catalog);
        for (name, value) in figures {
            let figure = what_if.figures().into_iter().find(|figure| figure.to_string() == *name);
            what_if.set(&figure.unwrap_or_else(|| panic!("no figure {name}")), *value).unwrap();
        }
        let month = what_if.month();
        let missing = month.lines.iter().filter_map(|line| Some(format!("{} {}", line.label, line.missing.as_ref()?)));
        let (revenue, cost) = (month.revenue_cents() / 100, month.cost_micros() / 1_000_000);
        assert_eq!((revenue, cost, missing.collect::<Vec<_>>()), (expected.0, expected.1, strings(expected.2)));
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn fifty_pro_and_fifty_enterprise_bring_27_400_dollars_and_cost_1_100() {
        check(&[], (27_400, 1_100, &[]));
        let catalog = catalog();
        let month = WhatIf::new(&catalog).month();
        assert_eq!(month.mix(), [(50, "Pro"), (50, "Enterprise")]);
        assert_eq!(month.margin().unwrap().to_string(), "95.9 %");
    }

    #[test]
    fn packs_come_on_top_with_every_token_of_them_spent() {
        check(&[("sold-booster", 10)], (27_690, 1_150, &[]));
        check(&[("customers-pro", 0), ("customers-enterprise", 0)], (0, 0, &[]));
        check(&[("customers-pro", 1_000), ("customers-enterprise", 0)], (149_000, 2_000, &[]));
    }

    #[test]
    fn a_price_under_the_floor_is_named_with_what_it_misses() {
        check(&[("price-pack-booster", 2_400)], (27_400, 1_100, &["Booster 0.9 points"]));
        check(&[("price-plan-pro", 0), ("customers-enterprise", 0)], (0, 100, &["Pro far"]));
        // An allowance counts as fully used: it may be.
        check(
            &[("cost-ai", 32_000), ("cost-deep", 80_000)],
            (27_400, 4_400, &["Enterprise 0.1 points", "Booster 49.0 points"]),
        );
    }

    #[test]
    fn the_rule_is_the_one_that_a_catalog_is_refused_by() {
        let catalog = catalog();
        let mut what_if = WhatIf::new(&catalog);
        what_if.set(&Figure::PackPrice("booster".parse().unwrap()), 2_400).unwrap();
        let missing = what_if.month().lines.iter().find_map(|line| line.missing.clone()).unwrap();
        let text = DEFAULT_CATALOG.replacen("price_cents = 2_900", "price_cents = 2_400", 1);
        assert!(Catalog::parse(&text).unwrap_err().to_string().contains(&format!("{missing} under the floor")));
    }

    #[test]
    fn a_figure_stays_within_reach() {
        let catalog = catalog();
        let mut what_if = WhatIf::new(&catalog);
        for figure in what_if.figures() {
            let (before, most) = (what_if.value(&figure), what_if.most(&figure));
            assert!(before <= most, "{figure}");
            assert_eq!(what_if.set(&figure, most + 1), Err(OutOfReach(most)), "{figure}");
            assert_eq!(what_if.value(&figure), before, "{figure}");
            what_if.set(&figure, most).unwrap();
            assert_eq!(what_if.value(&figure), most, "{figure}");
        }
        assert_eq!(what_if.most(&Figure::PlanPrice("pro".parse().unwrap())), 59_600);
        assert!(what_if.month().margin().is_some());
    }
}
