//! The catalog: what is sold and what it costs.

mod cover;
mod margin;
mod parse;
mod what_if;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::{
    cover::Cover,
    margin::{Margin, MarginLine},
    parse::{CatalogError, CatalogProblem},
    what_if::{Figure, Month, MonthLine, OutOfReach, WhatIf},
};
use crate::{
    billing::license::Rung,
    command::Quantity,
    ledger::tokens::Tokens,
    names::{FeatureName, PackName, PlanName, TokenType},
};

/// What is sold, validated: every name that one part uses is declared by another, and no price is below its margin floor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    /// The least margin of any price, in tenths of a percent.
    pub margin_floor_permille: u16,
    /// The kinds of tokens, in order of display.
    pub token_types: Vec<TokenTypeSpec>,
    /// The plans, smallest first; the first is free.
    pub plans: Vec<Plan>,
    /// The AI features.
    pub features: Vec<Feature>,
    /// The packs on sale.
    pub packs: Vec<Pack>,
    /// What is off after how many unpaid days, in order of days.
    pub ladder: Vec<Rung>,
    /// How often a member may ask.
    pub member_limits: Limits,
    /// How often a key that acts for no member may ask.
    pub key_limits: Limits,
    /// How long a hold may last.
    pub holds: HoldLimits,
}

/// A kind of token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenTypeSpec {
    /// Its name.
    pub name: TokenType,
    /// What people read.
    pub label: String,
    /// What one token costs to serve, in millionths of a dollar.
    pub unit_cost_micros: u32,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Its name.
    pub name: PlanName,
    /// What people read.
    pub label: String,
    /// The price of a month, in cents.
    pub price_cents: u32,
    /// How many days are free for whoever subscribes for the first time; none if not said.
    #[serde(default)]
    pub trial_days: u16,
    /// Tokens a month, by type; a type that is missing has none.
    pub allowance: BTreeMap<TokenType, Tokens>,
}

/// An AI feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Its name.
    pub name: FeatureName,
    /// What people read.
    pub label: String,
    /// What it does, in one line.
    pub summary: String,
    /// The type that it costs.
    pub token_type: TokenType,
    /// What one use costs.
    pub cost: Tokens,
    /// The smallest plan that includes it.
    pub from_plan: PlanName,
    /// Whether it is among the first to go when an invoice is unpaid.
    #[serde(default)]
    pub premium: bool,
}

/// A pack of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Its name.
    pub name: PackName,
    /// What people read.
    pub label: String,
    /// The price, in cents.
    pub price_cents: u32,
    /// What it holds, by type.
    pub tokens: BTreeMap<TokenType, Tokens>,
}

/// How often one caller may ask; what is missing is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests in any [`window_seconds`](Self::window_seconds); at most 1,000.
    pub requests: Option<u16>,
    /// The length of the window.
    #[serde(default = "Limits::default_window_seconds")]
    pub window_seconds: u32,
    /// The least time between two admitted requests.
    #[serde(default)]
    pub interval_seconds: u32,
}

/// How long a hold may last, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldLimits {
    /// Unless asked otherwise.
    pub default_ttl_seconds: u32,
    /// At most.
    pub max_ttl_seconds: u32,
}

impl Limits {
    const fn default_window_seconds() -> u32 {
        60
    }
}

impl Plan {
    /// What a month brings of `token_type`.
    pub fn allowance_of(&self, token_type: &TokenType) -> Tokens {
        self.allowance.get(token_type).copied().unwrap_or_default()
    }
}

impl Feature {
    /// What so many uses cost; nothing if that is more than any balance.
    pub fn cost_of(&self, quantity: Quantity) -> Option<Tokens> {
        self.cost.checked_mul(quantity.get())
    }
}

impl Catalog {
    /// Parses and validates a catalog written in TOML.
    ///
    /// # Errors
    /// [`CatalogError`] with every problem found, each with its place and its mend.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        parse::parse(text)
    }

    /// The plan of that name.
    pub fn plan(&self, name: &PlanName) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.name == *name)
    }

    /// How large a plan is: its place in the order of plans. A plan that the catalog no longer has counts as the smallest.
    pub fn plan_rank(&self, name: &PlanName) -> usize {
        self.plans.iter().position(|plan| plan.name == *name).unwrap_or(0)
    }

    /// The feature of that name.
    pub fn feature(&self, name: &FeatureName) -> Option<&Feature> {
        self.features.iter().find(|feature| feature.name == *name)
    }

    /// The token type of that name.
    pub fn token_type(&self, name: &TokenType) -> Option<&TokenTypeSpec> {
        self.token_types.iter().find(|spec| spec.name == *name)
    }

    /// What people read for a token type; its name where the catalog no longer has it.
    pub fn token_label<'a>(&'a self, name: &'a TokenType) -> &'a str {
        self.token_type(name).map_or(name.as_str(), |spec| &spec.label)
    }

    /// Whether `plan` includes `feature`.
    pub fn includes(&self, plan: &PlanName, feature: &Feature) -> bool {
        self.plan_rank(plan) >= self.plan_rank(&feature.from_plan)
    }

    /// What covers a month's use of `used` for the least money; nothing if nothing was used, or nothing covers it.
    pub fn cheapest_cover(&self, used: &BTreeMap<TokenType, Tokens>) -> Option<Cover<'_>> {
        cover::cheapest(self, used)
    }

    /// Whether `plan` includes any AI at all. Decision 1 for packs: on a plan without AI they could not be spent, so they are not
    /// sold.
    pub fn can_spend(&self, plan: &PlanName) -> bool {
        self.features_of(plan).next().is_some()
    }

    /// The features that `plan` includes.
    pub fn features_of(&self, plan: &PlanName) -> impl Iterator<Item = &Feature> {
        self.features.iter().filter(move |feature| self.includes(plan, feature))
    }

    /// How many uses of the cheapest feature `amount` of a token type pays, and that feature.
    pub fn pays(&self, token_type: &TokenType, amount: Tokens) -> Option<(i64, &Feature)> {
        let priced = |feature: &&Feature| feature.token_type == *token_type && !feature.cost.is_zero();
        let cheapest = self.features.iter().filter(priced).min_by_key(|feature| feature.cost)?;
        Some((amount.get() / cheapest.cost.get(), cheapest))
    }

    /// The least margin of any price.
    pub fn margin_floor(&self) -> Margin {
        Margin(self.margin_floor_permille.into())
    }

    /// The margin of every plan and pack.
    pub fn margins(&self) -> Vec<MarginLine> {
        margin::lines(self)
    }
}
