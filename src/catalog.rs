//! The catalog: plans, packs, features, their prices in tokens and money, and the limits.

mod cover;
mod margin;
mod parse;
mod prices;
mod what_if;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::{
    cover::Cover,
    margin::{Margin, MarginLine},
    parse::{CatalogError, CatalogProblem},
    prices::{ExchangeRate, ExchangeRateError},
    what_if::{Figure, FigureTooLarge, Month, MonthLine, WhatIf},
};
use crate::{
    billing::{license::Rung, money::Currency, period::Interval},
    ledger::tokens::Tokens,
    names::{FeatureName, PackName, PlanName, TokenType},
    quantity::Quantity,
};

/// The validated catalog.
///
/// Every name that is used is declared, plans are ordered by allowance, the first plan is free, and no price is below
/// its margin floor (decision 4). A catalog that breaks a rule does not parse, so the server does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    /// The currency of `price_cents`, of the costs, and of every calculation.
    pub currency: Currency,
    /// The value of further currencies, exactly those that prices are in.
    pub exchange_rates: BTreeMap<Currency, ExchangeRate>,
    /// Whether Stripe Tax adds the taxes of the buyer's country to each price.
    pub automatic_tax: bool,
    /// The minimum margin of every price, in permille (tenths of a percent).
    pub margin_floor_permille: u16,
    /// The token types, in display order.
    pub token_types: Vec<TokenTypeSpec>,
    /// The plans, smallest first. The first is free.
    pub plans: Vec<Plan>,
    /// The AI features.
    pub features: Vec<Feature>,
    /// The packs on sale.
    pub packs: Vec<Pack>,
    /// The degradation ladder for unpaid invoices, in order of days.
    pub ladder: Vec<Rung>,
    /// The request limits of each member.
    pub member_limits: Limits,
    /// The request limits of each API key that acts for no member.
    pub key_limits: Limits,
    /// The TTL limits of holds.
    pub holds: HoldLimits,
}

/// A token type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenTypeSpec {
    /// The name, for example `ai`.
    pub name: TokenType,
    /// The label in the UI.
    pub label: String,
    /// Our cost to serve one token, in millionths of a unit of the catalog's currency.
    pub unit_cost_micros: u32,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The name, for example `pro`.
    pub name: PlanName,
    /// The label in the UI.
    pub label: String,
    /// How often it is paid. Default: every month.
    #[serde(default)]
    pub interval: Interval,
    /// The price per interval, in minor units of the catalog's currency.
    pub price_cents: u32,
    /// The price per interval in further currencies, in their minor units.
    #[serde(default)]
    pub prices: BTreeMap<Currency, u32>,
    /// The free trial of a first subscription, in days. Default: 0, no trial.
    #[serde(default)]
    pub trial_days: u16,
    /// The monthly tokens, by type. A missing type has none.
    pub allowance: BTreeMap<TokenType, Tokens>,
}

/// An AI feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// The name, for example `quest_generation`.
    pub name: FeatureName,
    /// The label in the UI.
    pub label: String,
    /// A one-line description.
    pub summary: String,
    /// The token type it costs.
    pub token_type: TokenType,
    /// The cost of one use; at least 1 token.
    pub cost: Tokens,
    /// The smallest plan that includes it.
    pub from_plan: PlanName,
    /// Whether it is switched off first when an invoice is unpaid.
    #[serde(default)]
    pub premium: bool,
}

/// A pack of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// The name, for example `booster`.
    pub name: PackName,
    /// The label in the UI.
    pub label: String,
    /// The price, in minor units of the catalog's currency.
    pub price_cents: u32,
    /// The price in further currencies, in their minor units.
    #[serde(default)]
    pub prices: BTreeMap<Currency, u32>,
    /// The tokens, by type.
    pub tokens: BTreeMap<TokenType, Tokens>,
}

/// The request limits of one caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The requests allowed in any [`window_seconds`](Self::window_seconds): 1 to 1,000. `None`: unlimited.
    pub requests: Option<u16>,
    /// The length of the window, in seconds: 1 to 86,400. Default: 60.
    #[serde(default = "Limits::default_window_seconds")]
    pub window_seconds: u32,
    /// The minimum time between two admitted requests, in seconds, at most 3,600. Default: 0, no minimum.
    #[serde(default)]
    pub interval_seconds: u32,
}

/// The TTL limits of holds, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldLimits {
    /// The TTL if the command names none.
    pub default_ttl_seconds: u32,
    /// The largest TTL; at most 604,800 (7 days).
    pub max_ttl_seconds: u32,
}

impl Limits {
    const fn default_window_seconds() -> u32 {
        60
    }
}

impl Plan {
    /// Returns the monthly allowance of `token_type`.
    pub fn allowance_of(&self, token_type: &TokenType) -> Tokens {
        self.allowance.get(token_type).copied().unwrap_or_default()
    }
}

impl Feature {
    /// Returns the cost of `quantity` uses, or `None` if it exceeds [`Tokens::MAX`].
    pub fn cost_of(&self, quantity: Quantity) -> Option<Tokens> {
        self.cost.checked_mul(quantity.get())
    }
}

impl Catalog {
    /// Parses and validates a catalog from TOML.
    ///
    /// # Errors
    /// [`CatalogError`] with every problem found, each with its place and its fix.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        parse::parse(text)
    }

    /// Returns the plan with this name.
    pub fn plan(&self, name: &PlanName) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.name == *name)
    }

    /// Returns the plan with this name, which need not be a valid name: Stripe's metadata may have any text.
    pub fn plan_named(&self, name: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.name.as_str() == name)
    }

    /// Returns the free plan, which is the smallest.
    pub fn free_plan(&self) -> Option<&Plan> {
        self.plans.first()
    }

    /// Returns the position of a plan in the catalog; a larger plan has a higher rank. A plan that was removed from the
    /// catalog counts as the smallest.
    pub fn plan_rank(&self, name: &PlanName) -> usize {
        self.plans.iter().position(|plan| plan.name == *name).unwrap_or(0)
    }

    /// Returns the feature with this name.
    pub fn feature(&self, name: &FeatureName) -> Option<&Feature> {
        self.features.iter().find(|feature| feature.name == *name)
    }

    /// Returns the token type with this name.
    pub fn token_type(&self, name: &TokenType) -> Option<&TokenTypeSpec> {
        self.token_types.iter().find(|spec| spec.name == *name)
    }

    /// Returns the UI label of a token type, or its name if it was removed from the catalog.
    pub fn token_label<'a>(&'a self, name: &'a TokenType) -> &'a str {
        self.token_type(name).map_or(name.as_str(), |spec| &spec.label)
    }

    /// Whether `plan` includes `feature`.
    pub fn includes(&self, plan: &PlanName, feature: &Feature) -> bool {
        self.plan_rank(plan) >= self.plan_rank(&feature.from_plan)
    }

    /// Returns the cheapest plan and packs that cover a month's usage, or `None` if `used` is empty or cannot be
    /// covered.
    pub fn cheapest_cover(&self, used: &BTreeMap<TokenType, Tokens>) -> Option<Cover<'_>> {
        cover::cheapest(self, used)
    }

    /// Whether `plan` includes any AI feature.
    ///
    /// Decision 1, for packs: without AI in the plan they could not be spent, so they are not sold.
    pub fn can_spend(&self, plan: &PlanName) -> bool {
        self.features_of(plan).next().is_some()
    }

    /// Returns the features that `plan` includes.
    pub fn features_of(&self, plan: &PlanName) -> impl Iterator<Item = &Feature> {
        self.features.iter().filter(move |feature| self.includes(plan, feature))
    }

    /// Returns how many uses of the cheapest feature `amount` pays for, and that feature. `None` if no feature costs
    /// `token_type`.
    pub fn cheapest_uses(&self, token_type: &TokenType, amount: Tokens) -> Option<(i64, &Feature)> {
        let priced = |feature: &&Feature| feature.token_type == *token_type && !feature.cost.is_zero();
        let cheapest = self.features.iter().filter(priced).min_by_key(|feature| feature.cost)?;
        Some((amount.get() / cheapest.cost.get(), cheapest))
    }

    /// Returns the minimum margin of every price.
    pub fn margin_floor(&self) -> Margin {
        Margin(self.margin_floor_permille.into())
    }

    /// Returns the margin of every price: of the plans and packs in the catalog's own currency, then in further ones.
    pub fn margins(&self) -> Vec<MarginLine> {
        margin::lines(self)
    }
}
