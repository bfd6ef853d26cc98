//! Margins: the share of a price that remains after the cost to serve its tokens.

use std::{collections::BTreeMap, fmt};

use super::Catalog;
use crate::{
    billing::money::{Currency, Money},
    ledger::tokens::Tokens,
    names::TokenType,
};

/// A margin in permille (tenths of a percent), rounded down; formatted as `98.6 %`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Margin(pub i32);

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::BOTTOMLESS {
            return f.write_str("below zero (it is free but costs money to serve)");
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{} %", self.0.abs() / 10, self.0.abs() % 10)
    }
}

impl Margin {
    /// The margin of something that is free but costs money to serve; less than any other.
    const BOTTOMLESS: Self = Self(i32::MIN);

    /// Returns `(price − cost) / price`, rounded down to a permille, or `None` if price and cost are both zero. Both are in
    /// millionths of a unit of one currency.
    pub fn of(price_micros: u64, cost_micros: u64) -> Option<Self> {
        match (i128::from(price_micros), i128::from(cost_micros)) {
            (0, 0) => None,
            (0, _) => Some(Self::BOTTOMLESS),
            (price, cost) => {
                let permille = ((price - cost) * 1_000).div_euclid(price);
                Some(i32::try_from(permille).map_or(Self::BOTTOMLESS, Self))
            }
        }
    }

    /// Returns the shortfall below `floor`, for example `0.9 points`, or `None` if the margin meets it.
    pub fn shortfall(self, floor: Self) -> Option<String> {
        match i64::from(floor.0) - i64::from(self.0) {
            ..=0 => None,
            _ if self == Self::BOTTOMLESS => Some("far".into()),
            points => Some(format!("{}.{} points", points / 10, points % 10)),
        }
    }
}

/// The margin of one price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarginLine {
    /// The plan or pack: `plan pro`, `pack booster`, `pack booster in eur`.
    pub what: String,
    /// The label of the plan or pack in the UI.
    pub label: String,
    /// The price.
    pub price: Money,
    /// The number of months that it covers; 1 for a pack.
    pub months: u32,
    /// The cost to serve all its tokens, in millionths of a unit of the catalog's currency.
    pub cost_micros: u64,
    /// The margin; `None` if price and cost are both zero.
    pub margin: Option<Margin>,
}

/// A plan or a pack.
struct Item<'a> {
    what: String,
    label: &'a str,
    months: u32,
    price_cents: u32,
    prices: &'a BTreeMap<Currency, u32>,
    tokens: &'a BTreeMap<TokenType, Tokens>,
}

impl Item<'_> {
    fn line(&self, price: Money, catalog: &Catalog) -> MarginLine {
        let cost = |(name, amount): (&TokenType, &Tokens)| {
            let unit = catalog.token_type(name).map_or(0, |spec| spec.unit_cost_micros);
            amount.get().unsigned_abs().saturating_mul(u64::from(unit))
        };
        let month_micros = self.tokens.iter().map(cost).fold(0, u64::saturating_add);
        let cost_micros = month_micros.saturating_mul(self.months.into());
        let is_own = price.currency == catalog.currency;
        let what = if is_own { self.what.clone() } else { format!("{} in {}", self.what, price.currency) };
        let margin = Margin::of(catalog.value_micros(price), cost_micros);
        MarginLine { what, label: self.label.into(), price, months: self.months, cost_micros, margin }
    }
}

/// Returns the lines of the catalog's own currency, the plans and then the packs, followed by those of further ones.
pub(super) fn lines(catalog: &Catalog) -> Vec<MarginLine> {
    let plans = catalog.plans.iter().map(|plan| Item {
        what: format!("plan {}", plan.name),
        label: &plan.label,
        months: plan.interval.months(),
        price_cents: plan.price_cents,
        prices: &plan.prices,
        tokens: &plan.allowance,
    });
    let packs = catalog.packs.iter().map(|pack| Item {
        what: format!("pack {}", pack.name),
        label: &pack.label,
        months: 1,
        price_cents: pack.price_cents,
        prices: &pack.prices,
        tokens: &pack.tokens,
    });
    let items: Vec<Item<'_>> = plans.chain(packs).collect();
    let own = items.iter().map(|item| item.line(catalog.money(item.price_cents), catalog));
    let further = items
        .iter()
        .flat_map(|item| item.prices.iter().map(|(currency, minor)| item.line(Money::new(*minor, *currency), catalog)));
    own.chain(further).collect()
}
