//! What-if: a month's revenue and cost for assumed prices, unit costs and sales, in the catalog's own currency.

use std::{collections::BTreeMap, fmt};

use super::{Catalog, Margin, MarginLine};
use crate::{
    billing::money::{Currency, Money},
    names::{PackName, PlanName, TokenType},
};

/// The largest number of customers of one plan, and of packs of one kind, in a month.
const MAX_COUNT: u32 = 1_000;
/// The number of customers that a what-if starts with, divided evenly among the paid plans.
const INITIAL_CUSTOMERS: u32 = 100;
/// The maximum of a price is four times the catalog's, and at least this, in minor units.
const MIN_PRICE_RANGE_CENTS: u32 = 10_000;
/// The maximum of a unit cost is four times the catalog's, and at least this, in millionths of a unit.
const MIN_COST_RANGE_MICROS: u32 = 10_000;

/// An adjustable figure. Formatted as its query parameter: `price-plan-pro`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// The number of customers of a plan.
    Customers(PlanName),
    /// The number of packs sold in a month.
    Sold(PackName),
    /// The monthly price of a plan, in minor units.
    PlanPrice(PlanName),
    /// The price of a pack, in minor units.
    PackPrice(PackName),
    /// Our cost to serve one token, in millionths of a unit.
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

/// The error for a figure above its maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is at most {0}")]
pub struct FigureTooLarge(pub u32);

/// A catalog with assumed figures and the assumed sales of a month.
#[derive(Clone, Debug)]
pub struct WhatIf<'a> {
    sold: &'a Catalog,
    assumed: Catalog,
    customers: BTreeMap<PlanName, u32>,
    packs: BTreeMap<PackName, u32>,
}

impl<'a> WhatIf<'a> {
    /// Starts with the catalog's figures, 100 customers divided evenly among the paid plans, and no packs.
    pub fn new(sold: &'a Catalog) -> Self {
        let paid: Vec<PlanName> = paid_plans(sold).cloned().collect();
        let count = u32::try_from(paid.len()).unwrap_or(u32::MAX).max(1);
        // If they cannot be divided evenly, the smaller plans have one more.
        let extra = usize::try_from(INITIAL_CUSTOMERS % count).unwrap_or_default();
        let share = |place: usize| INITIAL_CUSTOMERS / count + u32::from(place < extra);
        let customers = paid.into_iter().enumerate().map(|(place, plan)| (plan, share(place))).collect();
        Self { sold, assumed: sold.clone(), customers, packs: BTreeMap::new() }
    }

    /// Returns every figure, in the catalog's order.
    pub fn figures(&self) -> Vec<Figure> {
        let catalog = self.sold;
        let packs = || catalog.packs.iter().map(|pack| pack.name.clone());
        let customers = paid_plans(catalog).cloned().map(Figure::Customers);
        let prices = paid_plans(catalog).cloned().map(Figure::PlanPrice).chain(packs().map(Figure::PackPrice));
        let costs = catalog.token_types.iter().map(|spec| Figure::UnitCost(spec.name.clone()));
        customers.chain(packs().map(Figure::Sold)).chain(prices).chain(costs).collect()
    }

    /// Returns the UI label of the figure's plan, pack or token type.
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

    /// Returns the assumed value of a figure.
    pub fn value(&self, figure: &Figure) -> u32 {
        match figure {
            Figure::Customers(plan) => self.customers.get(plan).copied().unwrap_or_default(),
            Figure::Sold(pack) => self.packs.get(pack).copied().unwrap_or_default(),
            figure => price_or_cost(&self.assumed, figure),
        }
    }

    /// Returns the maximum of a figure.
    pub fn max(&self, figure: &Figure) -> u32 {
        let least = match figure {
            Figure::Customers(_) | Figure::Sold(_) => return MAX_COUNT,
            Figure::PlanPrice(_) | Figure::PackPrice(_) => MIN_PRICE_RANGE_CENTS,
            Figure::UnitCost(_) => MIN_COST_RANGE_MICROS,
        };
        price_or_cost(self.sold, figure).saturating_mul(4).max(least)
    }

    /// Assumes a value for a figure.
    ///
    /// # Errors
    /// [`FigureTooLarge`] if `value` is above the figure's [maximum](Self::max). The figure then stays as it is.
    pub fn set(&mut self, figure: &Figure, value: u32) -> Result<(), FigureTooLarge> {
        let max = self.max(figure);
        if value > max {
            return Err(FigureTooLarge(max));
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

    /// Returns the revenue and cost of a month with the assumed figures.
    pub fn month(&self) -> Month {
        let floor = self.assumed.margin_floor();
        let plans = self.assumed.plans.iter().map(|plan| (&plan.label, self.customers.get(&plan.name)));
        let packs = self.assumed.packs.iter().map(|pack| (&pack.label, self.packs.get(&pack.name)));
        let lines =
            self.assumed.margins().into_iter().zip(plans.chain(packs)).map(|(each, (label, count))| MonthLine {
                label: label.clone(),
                count: count.copied().unwrap_or_default(),
                missing: each.margin.and_then(|margin| margin.shortfall(floor)),
                each,
            });
        Month { currency: self.assumed.currency, lines: lines.collect() }
    }
}

fn paid_plans(catalog: &Catalog) -> impl Iterator<Item = &PlanName> {
    catalog.plans.iter().filter(|plan| plan.price_cents > 0).map(|plan| &plan.name)
}

/// Returns the price or unit cost in `catalog`; 0 for sales figures.
fn price_or_cost(catalog: &Catalog, figure: &Figure) -> u32 {
    match figure {
        Figure::PlanPrice(plan) => catalog.plan(plan).map_or(0, |plan| plan.price_cents),
        Figure::PackPrice(pack) => catalog.packs.iter().find(|it| it.name == *pack).map_or(0, |pack| pack.price_cents),
        Figure::UnitCost(token_type) => catalog.token_type(token_type).map_or(0, |spec| spec.unit_cost_micros),
        Figure::Customers(_) | Figure::Sold(_) => 0,
    }
}

/// A month's revenue and cost in the catalog's own currency, if every token is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Month {
    /// The catalog's own currency, which all amounts are in.
    pub currency: Currency,
    /// The plans, then the packs, in the catalog's order.
    pub lines: Vec<MonthLine>,
}

/// One plan or pack in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthLine {
    /// The label in the UI.
    pub label: String,
    /// The price, cost and margin of one.
    pub each: MarginLine,
    /// The number sold.
    pub count: u32,
    /// The shortfall of its margin below the floor, for example `0.9 points`; `None` if it meets the floor.
    pub missing: Option<String>,
}

impl MonthLine {
    /// Returns the month's revenue: a twelfth of a yearly price.
    pub fn revenue(&self) -> Money {
        let Money { minor, currency } = self.each.price;
        Money { minor: minor.saturating_mul(self.count.into()) / i64::from(self.each.months), currency }
    }

    /// Returns the month's cost to serve, in millionths of a unit of the catalog's currency.
    pub fn cost_micros(&self) -> u64 {
        self.each.cost_micros.saturating_mul(u64::from(self.count)) / u64::from(self.each.months)
    }
}

impl Month {
    /// Returns the total revenue.
    pub fn revenue(&self) -> Money {
        let minor = self.lines.iter().map(|line| line.revenue().minor).fold(0, i64::saturating_add);
        Money { minor, currency: self.currency }
    }

    /// Returns the total cost to serve, in millionths of a unit of the catalog's currency.
    pub fn cost_micros(&self) -> u64 {
        self.lines.iter().map(MonthLine::cost_micros).fold(0, u64::saturating_add)
    }

    /// Returns the overall margin, or `None` if nothing is sold.
    pub fn margin(&self) -> Option<Margin> {
        Margin::of(self.revenue().micros(), self.cost_micros())
    }

    /// Returns the sold plans and packs: how many of each, and its label.
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

    /// Checks a month's revenue and cost in dollars, and the lines under the margin floor, for the given figures.
    fn check(figures: &[(&str, u32)], expected: (i64, u64, &[&str])) {
        let catalog = catalog();
        let mut what_if = WhatIf::new(&catalog);
        for (name, value) in figures {
            let figure = what_if.figures().into_iter().find(|figure| figure.to_string() == *name);
            what_if.set(&figure.unwrap_or_else(|| panic!("no figure {name}")), *value).unwrap();
        }
        let month = what_if.month();
        let missing = month.lines.iter().filter_map(|line| Some(format!("{} {}", line.label, line.missing.as_ref()?)));
        let (revenue, cost) = (month.revenue().minor / 100, month.cost_micros() / 1_000_000);
        assert_eq!((revenue, cost, missing.collect::<Vec<_>>()), (expected.0, expected.1, strings(expected.2)));
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn fifty_pro_and_fifty_enterprise_earn_27_400_dollars_and_cost_1_100() {
        check(&[], (27_400, 1_100, &[]));
        let catalog = catalog();
        let month = WhatIf::new(&catalog).month();
        assert_eq!(month.mix(), [(50, "Pro"), (50, "Enterprise")]);
        assert_eq!(month.margin().unwrap().to_string(), "95.9 %");
    }

    #[test]
    fn packs_add_revenue_and_the_cost_of_all_their_tokens() {
        check(&[("sold-booster", 10)], (27_690, 1_150, &[]));
        check(&[("customers-pro", 0), ("customers-enterprise", 0)], (0, 0, &[]));
        check(&[("customers-pro", 1_000), ("customers-enterprise", 0)], (149_000, 2_000, &[]));
    }

    #[test]
    fn a_price_under_the_floor_is_reported_with_its_shortfall() {
        check(&[("price-pack-booster", 2_400)], (27_400, 1_100, &["Booster 0.9 points"]));
        check(&[("price-plan-pro", 0), ("customers-enterprise", 0)], (0, 100, &["Pro far"]));
        // An allowance counts as fully used, which is the worst case.
        check(
            &[("cost-ai", 32_000), ("cost-deep", 80_000)],
            (27_400, 4_400, &["Enterprise 0.1 points", "Booster 49.0 points"]),
        );
    }

    #[test]
    fn the_floor_is_the_same_rule_that_refuses_a_catalog() {
        let catalog = catalog();
        let mut what_if = WhatIf::new(&catalog);
        what_if.set(&Figure::PackPrice("booster".parse().unwrap()), 2_400).unwrap();
        let missing = what_if.month().lines.iter().find_map(|line| line.missing.clone()).unwrap();
        let text = DEFAULT_CATALOG.replacen("price_cents = 2_900", "price_cents = 2_400", 1);
        assert!(Catalog::parse(&text).unwrap_err().to_string().contains(&format!("{missing} under the floor")));
    }

    #[test]
    fn a_figure_stays_within_its_maximum() {
        let catalog = catalog();
        let mut what_if = WhatIf::new(&catalog);
        for figure in what_if.figures() {
            let (before, max) = (what_if.value(&figure), what_if.max(&figure));
            assert!(before <= max, "{figure}");
            assert_eq!(what_if.set(&figure, max + 1), Err(FigureTooLarge(max)), "{figure}");
            assert_eq!(what_if.value(&figure), before, "{figure}");
            what_if.set(&figure, max).unwrap();
            assert_eq!(what_if.value(&figure), max, "{figure}");
        }
        assert_eq!(what_if.max(&Figure::PlanPrice("pro".parse().unwrap())), 59_600);
        assert!(what_if.month().margin().is_some());
    }
}
