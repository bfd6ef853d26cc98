//! Margins: what is left of a price after what its tokens cost to serve.

use std::{collections::BTreeMap, fmt};

use super::Catalog;
use crate::{names::TokenType, tokens::Tokens};

/// A margin in tenths of a percent, rounded down; shown as `98.6 %`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Margin(pub i32);

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{} %", self.0.abs() / 10, self.0.abs() % 10)
    }
}

/// One price held against its cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarginLine {
    /// `plan pro` or `pack booster`.
    pub what: String,
    /// The price, in cents.
    pub price_cents: u32,
    /// What its tokens cost to serve when all are spent, in millionths of a dollar.
    pub cost_micros: u64,
    /// What is left; nothing for what is free and costs nothing.
    pub margin: Option<Margin>,
}

impl MarginLine {
    /// `(price − cost) / price`, rounded down to a tenth of a percent.
    fn new(what: String, price_cents: u32, cost_micros: u64) -> Self {
        let price_micros = i128::from(price_cents) * 10_000;
        let margin = match (price_micros, cost_micros) {
            (0, 0) => None,
            (0, _) => Some(Margin(i32::MIN)),
            (price, cost) => {
                let permille = ((price - i128::from(cost)) * 1_000).div_euclid(price);
                Some(Margin(i32::try_from(permille).unwrap_or(i32::MIN)))
            }
        };
        Self { what, price_cents, cost_micros, margin }
    }
}

pub(super) fn lines(catalog: &Catalog) -> Vec<MarginLine> {
    let cost = |tokens: &BTreeMap<TokenType, Tokens>| {
        tokens
            .iter()
            .map(|(name, amount)| {
                let unit = catalog.token_type(name).map_or(0, |spec| spec.unit_cost_micros);
                amount.get().unsigned_abs() * u64::from(unit)
            })
            .sum()
    };
    let plans = catalog
        .plans
        .iter()
        .map(|plan| MarginLine::new(format!("plan {}", plan.name), plan.price_cents, cost(&plan.allowance)));
    let packs = catalog
        .packs
        .iter()
        .map(|pack| MarginLine::new(format!("pack {}", pack.name), pack.price_cents, cost(&pack.tokens)));
    plans.chain(packs).collect()
}
