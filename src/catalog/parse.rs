//! Parsing and validation of the catalog.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Deserialize;

use super::{Catalog, ExchangeRate, Feature, HoldLimits, Limits, Pack, Plan, TokenTypeSpec, prices};
use crate::{
    billing::{license::Rung, money::Currency, period::Interval},
    ledger::tokens::Tokens,
    names::TokenType,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCatalog {
    #[serde(default)]
    currency: Currency,
    #[serde(default)]
    exchange_rates: BTreeMap<Currency, ExchangeRate>,
    #[serde(default)]
    automatic_tax: bool,
    margin_floor_permille: u16,
    token_types: Vec<TokenTypeSpec>,
    plans: Vec<Plan>,
    features: Vec<Feature>,
    #[serde(default)]
    packs: Vec<Pack>,
    ladder: Vec<Rung>,
    limits: RawLimits,
    holds: HoldLimits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    member: Limits,
    key: Limits,
}

/// The error for an invalid catalog, with every problem found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CatalogError(pub Vec<CatalogProblem>);

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "{}", problems.join("; "))
    }
}

/// One problem of a catalog.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogProblem {
    /// The text is not TOML, or not a catalog.
    #[error("the catalog cannot be read: {0}")]
    Unreadable(String),
    /// Two items of one kind have the same name.
    #[error("{kind} `{name}` is declared twice: rename one")]
    Duplicate {
        /// `plan`, `feature`, …
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A name is used but not declared.
    #[error("{place} names the {kind} `{name}`, which the catalog does not declare")]
    Unknown {
        /// The item that uses it.
        place: String,
        /// `plan` or `token type`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A larger plan has a smaller allowance than the plan before it.
    #[error(
        "plan `{plan}` has fewer `{token_type}` tokens than the plan before it: order plans from smallest to largest"
    )]
    PlanOrder {
        /// The larger plan.
        plan: String,
        /// The token type with the smaller allowance.
        token_type: TokenType,
    },
    /// Decision 4: a price is below its margin floor.
    #[error(
        "{what}: the margin is {margin}, {missing} under the floor of {floor}: raise the price or lower the tokens"
    )]
    UnderFloor {
        /// The plan or pack.
        what: String,
        /// Its margin.
        margin: String,
        /// The shortfall below the floor.
        missing: String,
        /// The floor.
        floor: String,
    },
    /// A figure is out of range.
    #[error("{0}")]
    Invalid(String),
}

pub(super) fn parse(text: &str) -> Result<Catalog, CatalogError> {
    let raw: RawCatalog = toml::from_str(text).map_err(|error| {
        // On one line, whatever the text contains.
        let error = error.to_string().trim().replace(char::is_control, " ");
        CatalogError(vec![CatalogProblem::Unreadable(error)])
    })?;
    let catalog = Catalog {
        currency: raw.currency,
        exchange_rates: raw.exchange_rates,
        automatic_tax: raw.automatic_tax,
        margin_floor_permille: raw.margin_floor_permille,
        token_types: raw.token_types,
        plans: raw.plans,
        features: raw.features,
        packs: raw.packs,
        ladder: raw.ladder,
        member_limits: raw.limits.member,
        key_limits: raw.limits.key,
        holds: raw.holds,
    };
    let mut problems = Vec::new();
    names(&catalog, &mut problems);
    references(&catalog, &mut problems);
    order(&catalog, &mut problems);
    figures(&catalog, &mut problems);
    prices::check(&catalog, &mut problems);
    if problems.is_empty() {
        margins(&catalog, &mut problems);
    }
    if problems.is_empty() { Ok(catalog) } else { Err(CatalogError(problems)) }
}

fn names(catalog: &Catalog, problems: &mut Vec<CatalogProblem>) {
    let kinds: [(&'static str, Vec<&str>); 4] = [
        ("token type", catalog.token_types.iter().map(|t| t.name.as_str()).collect()),
        ("plan", catalog.plans.iter().map(|p| p.name.as_str()).collect()),
        ("feature", catalog.features.iter().map(|f| f.name.as_str()).collect()),
        ("pack", catalog.packs.iter().map(|p| p.name.as_str()).collect()),
    ];
    for (kind, names) in kinds {
        let mut seen = BTreeSet::new();
        for name in names.into_iter().filter(|name| !seen.insert(*name)) {
            problems.push(CatalogProblem::Duplicate { kind, name: name.into() });
        }
    }
}

fn references(catalog: &Catalog, problems: &mut Vec<CatalogProblem>) {
    let mut token_type = |place: String, name: &TokenType| {
        if catalog.token_type(name).is_none() {
            problems.push(CatalogProblem::Unknown { place, kind: "token type", name: name.to_string() });
        }
    };
    for plan in &catalog.plans {
        plan.allowance.keys().for_each(|name| token_type(format!("plan `{}`", plan.name), name));
    }
    for pack in &catalog.packs {
        pack.tokens.keys().for_each(|name| token_type(format!("pack `{}`", pack.name), name));
    }
    for feature in &catalog.features {
        token_type(format!("feature `{}`", feature.name), &feature.token_type);
    }
    for feature in &catalog.features {
        if catalog.plan(&feature.from_plan).is_none() {
            let place = format!("feature `{}`", feature.name);
            problems.push(CatalogProblem::Unknown { place, kind: "plan", name: feature.from_plan.to_string() });
        }
    }
}

fn order(catalog: &Catalog, problems: &mut Vec<CatalogProblem>) {
    for (smaller, larger) in catalog.plans.iter().zip(catalog.plans.iter().skip(1)) {
        if smaller.allowance == larger.allowance
            && (smaller.interval, larger.interval) == (Interval::Year, Interval::Month)
        {
            let text = format!(
                "plan `{}`: put it after `{}`, which has the same allowance by the month",
                smaller.name, larger.name
            );
            problems.push(CatalogProblem::Invalid(text));
        }
        for spec in &catalog.token_types {
            if larger.allowance_of(&spec.name) < smaller.allowance_of(&spec.name) {
                let token_type = spec.name.clone();
                problems.push(CatalogProblem::PlanOrder { plan: larger.name.to_string(), token_type });
            }
        }
    }
    if !catalog.ladder.is_sorted_by(|a, b| a.day < b.day && a.off < b.off) {
        let text = "ladder: `day` and `off` must both increase from one rung to the next";
        problems.push(CatalogProblem::Invalid(text.into()));
    }
}

fn figures(catalog: &Catalog, problems: &mut Vec<CatalogProblem>) {
    let mut require = |valid: bool, text: String| {
        if !valid {
            problems.push(CatalogProblem::Invalid(text));
        }
    };
    require(!catalog.token_types.is_empty(), "token_types: declare at least one".into());
    require(!catalog.plans.is_empty(), "plans: declare at least one".into());
    require(catalog.margin_floor_permille < 1_000, "margin_floor_permille: use 0 to 999".into());
    if let Some(first) = catalog.plans.first() {
        let free = first.price_cents == 0 && first.allowance.values().all(|amount| amount.is_zero());
        require(free, format!("plan `{}`: the first plan must be free, without price and allowance", first.name));
        require(first.interval == Interval::Month, format!("plan `{}`: a free plan has no interval", first.name));
    }
    let cap = Tokens::new(1_000_000_000).unwrap_or_default();
    for plan in &catalog.plans {
        let fits = plan.allowance.values().all(|amount| *amount <= cap);
        require(fits, format!("plan `{}`: an allowance is at most {cap}", plan.name));
    }
    for pack in &catalog.packs {
        let fits =
            pack.tokens.values().any(|amount| !amount.is_zero()) && pack.tokens.values().all(|amount| *amount <= cap);
        require(fits, format!("pack `{}`: a pack has 1 to {cap} tokens of a type", pack.name));
        require(pack.price_cents > 0, format!("pack `{}`: needs a price", pack.name));
    }
    for feature in &catalog.features {
        let fits = !feature.cost.is_zero() && feature.cost <= cap;
        require(fits, format!("feature `{}`: a use costs 1 to {cap} tokens", feature.name));
    }
    for (who, limits) in [("member", catalog.member_limits), ("key", catalog.key_limits)] {
        let requests = limits.requests.is_none_or(|n| (1..=1_000).contains(&n));
        require(requests, format!("limits.{who}: requests must be 1 to 1000"));
        let window = (1..=86_400).contains(&limits.window_seconds) || limits.requests.is_none();
        require(window, format!("limits.{who}: window_seconds must be 1 to 86400"));
        require(limits.interval_seconds <= 3_600, format!("limits.{who}: interval_seconds must be at most 3600"));
    }
    let ttl = catalog.holds;
    let ordered =
        0 < ttl.default_ttl_seconds && ttl.default_ttl_seconds <= ttl.max_ttl_seconds && ttl.max_ttl_seconds <= 604_800;
    require(ordered, "holds: 0 < default_ttl_seconds <= max_ttl_seconds <= 604800".into());
}

/// Decision 4: no price is below its margin floor.
fn margins(catalog: &Catalog, problems: &mut Vec<CatalogProblem>) {
    let floor = catalog.margin_floor();
    for line in catalog.margins() {
        if let Some((margin, missing)) = line.margin.and_then(|margin| Some((margin, margin.shortfall(floor)?))) {
            let (margin, floor) = (margin.to_string(), floor.to_string());
            problems.push(CatalogProblem::UnderFloor { what: line.what, margin, missing, floor });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEFAULT_CATALOG;

    fn problem(from: &str, to: &str) -> String {
        let text = DEFAULT_CATALOG.replacen(from, to, 1);
        assert_ne!(text, DEFAULT_CATALOG, "`{from}` is not in the catalog");
        Catalog::parse(&text).unwrap_err().to_string()
    }

    #[test]
    fn the_default_catalog_has_the_agreed_margins() {
        let catalog = Catalog::parse(DEFAULT_CATALOG).unwrap();
        let margins: Vec<String> = catalog
            .margins()
            .iter()
            .map(|line| {
                let margin = line.margin.map(|margin| margin.to_string()).unwrap_or_default();
                format!("{} ${} {margin}", line.what, line.cost_micros / 1_000_000)
            })
            .collect();
        assert_eq!(
            margins,
            ["plan starter $0 ", "plan pro $2 98.6 %", "plan enterprise $20 94.9 %", "pack booster $5 82.7 %"]
        );
        let monthly: u32 = catalog.plans.iter().map(|plan| plan.price_cents * 50).sum();
        assert_eq!(monthly, 2_740_000, "50 Pro and 50 Enterprise");
    }

    /// The default catalog with Pro by the year, at this price.
    fn with_yearly_pro(price_cents: u32) -> String {
        let yearly = format!(
            "[[plans]]\nname = \"pro-yearly\"\nlabel = \"Pro, yearly\"\ninterval = \"year\"\nprice_cents = {price_cents}\n\
             allowance = {{ ai = 200, deep = 20 }}\n\n[[plans]]\nname = \"enterprise\""
        );
        DEFAULT_CATALOG.replacen("[[plans]]\nname = \"enterprise\"", &yearly, 1)
    }

    #[test]
    fn the_margin_of_a_yearly_plan_counts_twelve_monthly_allowances() {
        let catalog = Catalog::parse(&with_yearly_pro(149_000)).unwrap();
        let line = &catalog.margins()[2];
        assert_eq!((line.what.as_str(), line.cost_micros), ("plan pro-yearly", 24_000_000));
        assert_eq!(line.margin.unwrap().to_string(), "98.3 %");
        let problem = Catalog::parse(&with_yearly_pro(11_900)).unwrap_err().to_string();
        assert!(problem.starts_with("plan pro-yearly: the margin is 79.8 %"), "{problem}");
    }

    #[test]
    fn a_yearly_plan_comes_after_the_monthly_one_with_the_same_allowance() {
        let swapped = with_yearly_pro(149_000).replace("interval = \"year\"\n", "").replacen(
            "name = \"pro\"",
            "name = \"pro\"\ninterval = \"year\"",
            1,
        );
        let problem = Catalog::parse(&swapped).unwrap_err().to_string();
        assert!(problem.contains("plan `pro`: put it after `pro-yearly`"), "{problem}");
    }

    #[test]
    fn a_price_under_the_margin_floor_is_refused_with_its_line_and_the_shortfall() {
        assert_eq!(
            problem("price_cents = 2_900", "price_cents = 2_400"),
            "pack booster: the margin is 79.1 %, 0.9 points under the floor of 80.0 %: raise the price or lower the tokens"
        );
    }

    #[test]
    fn every_kind_of_problem_is_reported_with_its_place() {
        for (from, to, part) in [
            ("name = \"deep\"", "name = \"ai\"", "token type `ai` is declared twice"),
            ("token_type = \"deep\"", "token_type = \"dep\"", "feature `strategy_analysis` names the token type `dep`"),
            ("from_plan = \"pro\"", "from_plan = \"prow\"", "feature `quest_generation` names the plan `prow`"),
            ("ai = 2_000", "ai = 100", "plan `enterprise` has fewer `ai`"),
            ("cost = 5", "cost = 0", "feature `quest_generation`: a use costs 1"),
            ("cost = 5", "cost = -5", "cannot be read"),
            ("day = 3", "day = 9", "ladder"),
            ("premium = true", "premiun = true", "premiun"),
            ("from_plan = \"pro\"", "from_plan = \"p\\r\\u001b[2J\"", "`p  [2J` is not a valid name"),
            ("price_cents = 0", "price_cents = 100", "the first plan must be free"),
            ("default_ttl_seconds = 900", "default_ttl_seconds = 90_000", "holds"),
            ("requests = 30", "requests = 0", "limits.member"),
            ("price_cents = 14_900", "price_cents = 14_900\ninterval = \"week\"", "interval"),
            ("price_cents = 0", "price_cents = 0\ninterval = \"year\"", "a free plan has no interval"),
        ] {
            let text = problem(from, to);
            assert!(text.contains(part), "{from} -> {to}: {text}");
        }
    }
}
