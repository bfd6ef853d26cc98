//! Margins: what is left of a price after what its tokens cost to serve.

use std::{collections::BTreeMap, fmt};

use super::Catalog;
use crate::{ledger::tokens::Tokens, names::TokenType};

/// A margin in tenths of a percent, rounded down; shown as `98.6 %`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Margin(pub i32);

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::BOTTOMLESS {
            return f.write_str("below zero: it is free and costs money");
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{} %", self.0.abs() / 10, self.0.abs() % 10)
    }
}

impl Margin {
    /// What is free and costs money has less than any other.
    const BOTTOMLESS: Self = Self(i32::MIN);

    /// `(price − cost) / price`, rounded down to a tenth of a percent; nothing for what is free and costs nothing.
    pub fn of(price_cents: u64, cost_micros: u64) -> Option<Self> {
        match (i128::from(price_cents) * 10_000, i128::from(cost_micros)) {
            (0, 0) => None,
            (0, _) => Some(Self::BOTTOMLESS),
            (price, cost) => {
                let permille = ((price - cost) * 1_000).div_euclid(price);
                Some(i32::try_from(permille).map_or(Self::BOTTOMLESS, Self))
            }
        }
    }

    /// By how much it misses `floor`: `0.9 points`; nothing if it does not.
    pub fn missing(self, floor: Self) -> Option<String> {
        match i64::from(floor.0) - i64::from(self.0) {
            ..=0 => None,
            _ if self == Self::BOTTOMLESS => Some("far".into()),
            points => Some(format!("{}.{} points", points / 10, points % 10)),
        }
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
    fn new(what: String, price_cents: u32, cost_micros: u64) -> Self {
        Self { what, price_cents, cost_micros, margin: Margin::of(price_cents.into(), cost_micros) }
    }
}

pub(super) fn lines(catalog: &Catalog) -> Vec<MarginLine> {
    let cost = |tokens: &BTreeMap<TokenType, Tokens>| {
        tokens
            .iter()
            .map(|(name, amount)| {
                let unit = catalog.token_type(name).map_or(0, |spec| spec.unit_cost_micros);
                amount.get().unsigned_abs().saturating_mul(u64::from(unit))
            })
            .fold(0, u64::saturating_add)
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
