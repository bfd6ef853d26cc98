//! From TOML to a [`Catalog`] that holds.

use std::{collections::BTreeSet, fmt};

use serde::Deserialize;

use super::{Catalog, Feature, HoldLimits, Limits, Pack, Plan, TokenTypeSpec};
use crate::{billing::license::Rung, ledger::tokens::Tokens, names::TokenType};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCatalog {
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

/// Why a catalog cannot be used: every problem at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CatalogError(pub Vec<CatalogProblem>);

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "{}", problems.join("; "))
    }
}

/// One thing wrong with a catalog.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogProblem {
    /// Not TOML, or not of the catalog's shape.
    #[error("the catalog cannot be read: {0}")]
    Unreadable(String),
    /// Two things of one kind have one name.
    #[error("{kind} `{name}` is declared twice: rename one")]
    Twice {
        /// `plan`, `feature`, …
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A name is used that nothing declares.
    #[error("{place} names the {kind} `{name}`, which the catalog does not declare")]
    Unknown {
        /// Where it is used.
        place: String,
        /// `plan` or `token type`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A larger plan brings less than a smaller one.
    #[error(
        "plan `{plan}` brings fewer `{token_type}` than the smaller plan before it: plans go from the smallest to the largest"
    )]
    PlanOrder {
        /// The larger plan.
        plan: String,
        /// The type that it brings less of.
        token_type: TokenType,
    },
    /// A price is below its margin floor.
    #[error(
        "{what}: the margin is {margin}, {missing} under the floor of {floor}: raise the price or lower the tokens"
    )]
    UnderFloor {
        /// The plan or pack.
        what: String,
        /// Its margin.
        margin: String,
        /// By how much it misses the floor.
        missing: String,
        /// The floor.
        floor: String,
    },
    /// A figure that makes no sense.
    #[error("{0}")]
    Figure(String),
}

pub(super) fn parse(text: &str) -> Result<Catalog, CatalogError> {
    let raw: RawCatalog = toml::from_str(text)
        .map_err(|error| CatalogError(vec![CatalogProblem::Unreadable(error.to_string().trim().replace('\n', " "))]))?;
    let catalog = Catalog {
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
            problems.push(CatalogProblem::Twice { kind, name: name.into() });
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
        for spec in &catalog.token_types {
            if larger.allowance_of(&spec.name) < smaller.allowance_of(&spec.name) {
                let token_type = spec.name.clone();
                problems.push(CatalogProblem::PlanOrder { plan: larger.name.to_string(), token_type });
            }
        }
    }
    if !catalog.ladder.is_sorted_by(|a, b| a.day < b.day && a.off < b.off) {
        let text = "ladder: days and what is off must both rise from one rung to the next";
        problems.push(CatalogProblem::Figure(text.into()));
    }
}

fn figures(catalog: &Catalog, problems: &mut Vec<CatalogProblem>) {
    let mut require = |holds: bool, text: String| {
        if !holds {
            problems.push(CatalogProblem::Figure(text));
        }
    };
    require(!catalog.token_types.is_empty(), "token_types: declare at least one".into());
    require(!catalog.plans.is_empty(), "plans: declare at least one".into());
    require(catalog.margin_floor_permille < 1_000, "margin_floor_permille: use 0 to 999".into());
    if let Some(first) = catalog.plans.first() {
        let free = first.price_cents == 0 && first.allowance.values().all(|amount| amount.is_zero());
        require(free, format!("plan `{}`: the first plan is the free one, without price and allowance", first.name));
    }
    let cap = Tokens::new(1_000_000_000).unwrap_or_default();
    for plan in &catalog.plans {
        let fits = plan.allowance.values().all(|amount| *amount <= cap);
        require(fits, format!("plan `{}`: an allowance is at most {cap}", plan.name));
    }
    for pack in &catalog.packs {
        let some =
            pack.tokens.values().any(|amount| !amount.is_zero()) && pack.tokens.values().all(|amount| *amount <= cap);
        require(some, format!("pack `{}`: holds between 1 and {cap} tokens of a type", pack.name));
        require(pack.price_cents > 0, format!("pack `{}`: needs a price", pack.name));
    }
    for feature in &catalog.features {
        let fits = !feature.cost.is_zero() && feature.cost <= cap;
        require(fits, format!("feature `{}`: costs between 1 and {cap} tokens", feature.name));
    }
    for (who, limits) in [("member", catalog.member_limits), ("key", catalog.key_limits)] {
        let requests = limits.requests.is_none_or(|n| (1..=1_000).contains(&n));
        require(requests, format!("limits.{who}: requests is 1 to 1000"));
        let window = (1..=86_400).contains(&limits.window_seconds) || limits.requests.is_none();
        require(window, format!("limits.{who}: window_seconds is 1 to 86400"));
        require(limits.interval_seconds <= 3_600, format!("limits.{who}: interval_seconds is at most 3600"));
    }
    let ttl = catalog.holds;
    let ordered =
        0 < ttl.default_ttl_seconds && ttl.default_ttl_seconds <= ttl.max_ttl_seconds && ttl.max_ttl_seconds <= 604_800;
    require(ordered, "holds: 0 < default_ttl_seconds <= max_ttl_seconds <= 604800".into());
}

fn margins(catalog: &Catalog, problems: &mut Vec<CatalogProblem>) {
    let floor = catalog.margin_floor();
    for line in catalog.margins() {
        if let Some((margin, missing)) = line.margin.and_then(|margin| Some((margin, margin.missing(floor)?))) {
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

    #[test]
    fn a_price_under_the_margin_floor_is_refused_with_its_line_and_by_how_much() {
        assert_eq!(
            problem("price_cents = 2_900", "price_cents = 2_400"),
            "pack booster: the margin is 79.1 %, 0.9 points under the floor of 80.0 %: raise the price or lower the tokens"
        );
    }

    #[test]
    fn every_kind_of_mistake_is_named_with_its_place() {
        for (from, to, part) in [
            ("name = \"deep\"", "name = \"ai\"", "token type `ai` is declared twice"),
            ("token_type = \"deep\"", "token_type = \"dep\"", "feature `strategy_analysis` names the token type `dep`"),
            ("from_plan = \"pro\"", "from_plan = \"prow\"", "feature `quest_generation` names the plan `prow`"),
            ("ai = 2_000", "ai = 100", "plan `enterprise` brings fewer `ai`"),
            ("cost = 5", "cost = 0", "feature `quest_generation`: costs between 1"),
            ("cost = 5", "cost = -5", "cannot be read"),
            ("day = 3", "day = 9", "ladder"),
            ("premium = true", "premiun = true", "premiun"),
            ("price_cents = 0", "price_cents = 100", "the first plan is the free one"),
            ("default_ttl_seconds = 900", "default_ttl_seconds = 90_000", "holds"),
            ("requests = 30", "requests = 0", "limits.member"),
        ] {
            let text = problem(from, to);
            assert!(text.contains(part), "{from} -> {to}: {text}");
        }
    }
}
