//! What a month's use costs at the least: the plan for it, and the packs on top.

use std::collections::BTreeMap;

use super::{Catalog, Pack, Plan};
use crate::{ledger::tokens::Tokens, names::TokenType};

/// What covers a month's use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// How many of which pack on top of it, each month.
    pub packs: Option<(&'a Pack, u32)>,
    /// The price of a month, in cents.
    pub price_cents: u64,
}

/// The cheapest of all plans that open a feature of every token type in `used`, each alone or with as many of one kind of pack
/// as it takes; of two that cost the same, the smaller number of packs. Nothing if nothing was used, or nothing covers it.
pub(super) fn cheapest<'a>(catalog: &'a Catalog, used: &BTreeMap<TokenType, Tokens>) -> Option<Cover<'a>> {
    let used: BTreeMap<&TokenType, Tokens> =
        used.iter().filter(|(_, amount)| !amount.is_zero()).map(|(name, amount)| (name, *amount)).collect();
    if used.is_empty() {
        return None;
    }
    let mut covers = Vec::new();
    for plan in catalog.plans.iter().filter(|plan| used.keys().all(|name| opens(catalog, plan, name))) {
        let price_cents = u64::from(plan.price_cents);
        let missing: Vec<(&TokenType, Tokens)> = used
            .iter()
            .map(|(name, amount)| (*name, amount.saturating_sub(plan.allowance_of(name))))
            .filter(|(_, amount)| !amount.is_zero())
            .collect();
        if missing.is_empty() {
            covers.push(Cover { plan, packs: None, price_cents });
            continue;
        }
        for pack in &catalog.packs {
            if let Some(count) = packs_for(pack, &missing) {
                let price_cents = price_cents + u64::from(count) * u64::from(pack.price_cents);
                covers.push(Cover { plan, packs: Some((pack, count)), price_cents });
            }
        }
    }
    covers.into_iter().min_by_key(|cover| (cover.price_cents, cover.packs.map_or(0, |(_, count)| count)))
}

/// Whether `plan` includes a feature that costs `token_type`.
fn opens(catalog: &Catalog, plan: &Plan, token_type: &TokenType) -> bool {
    catalog.features.iter().any(|feature| feature.token_type == *token_type && catalog.includes(&plan.name, feature))
}

/// How many of `pack` bring all that is missing; nothing if it holds none of some type.
fn packs_for(pack: &Pack, missing: &[(&TokenType, Tokens)]) -> Option<u32> {
    let mut count = 0;
    for (name, amount) in missing {
        let each = pack.tokens.get(name).filter(|each| !each.is_zero())?;
        let whole = amount.get() / each.get();
        let rest = i64::from(amount.get() % each.get() != 0);
        count = count.max(u32::try_from(whole + rest).ok()?);
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT_IN: &str = include_str!("../../catalog.toml");

    /// What covers a month of `ai` and `deep`: the plan, the packs, dollars.
    fn check(catalog: &str, ai: i64, deep: i64, expected: Option<(&str, u32, u64)>) {
        let catalog = Catalog::parse(catalog).unwrap();
        let used = [("ai", ai), ("deep", deep)];
        let used = used.map(|(name, amount)| (name.parse().unwrap(), Tokens::new(amount).unwrap()));
        let found = cheapest(&catalog, &BTreeMap::from(used)).map(|cover| {
            (cover.plan.name.to_string(), cover.packs.map_or(0, |(_, count)| count), cover.price_cents / 100)
        });
        assert_eq!(
            found,
            expected.map(|(plan, packs, dollars)| (plan.to_owned(), packs, dollars)),
            "{ai} ai, {deep} deep"
        );
    }

    #[test]
    fn the_plan_alone_is_enough_as_long_as_its_allowance_is() {
        check(BUILT_IN, 0, 0, None);
        check(BUILT_IN, 1, 0, Some(("pro", 0, 149)));
        check(BUILT_IN, 200, 20, Some(("pro", 0, 149)));
    }

    #[test]
    fn packs_on_a_smaller_plan_beat_a_larger_plan_that_costs_more() {
        check(BUILT_IN, 201, 20, Some(("pro", 1, 178)));
        check(BUILT_IN, 200, 71, Some(("pro", 2, 207)));
        check(BUILT_IN, 2_000, 200, Some(("pro", 4, 265)));
    }

    #[test]
    fn a_larger_plan_wins_once_its_allowance_is_the_cheaper_way() {
        let cheaper = BUILT_IN.replace("price_cents = 39_900", "price_cents = 25_000");
        check(&cheaper, 1_200, 0, Some(("pro", 2, 207)));
        check(&cheaper, 2_000, 200, Some(("enterprise", 0, 250)));
        check(&cheaper, 2_400, 200, Some(("enterprise", 1, 279)));
    }
}
