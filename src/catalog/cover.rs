//! The cheapest offer for a month's usage: a plan, plus packs if needed.

use std::collections::BTreeMap;

use super::{Catalog, Pack, Plan};
use crate::{billing::money::Money, ledger::tokens::Tokens, names::TokenType};

/// A plan, with or without packs, that covers a month's usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The pack to buy on top, and how many each month; `None` if the allowance is enough.
    pub packs: Option<(&'a Pack, u32)>,
    /// The monthly price of plan and packs, in the catalog's own currency.
    pub price: Money,
}

/// Returns the cheapest offer for `used`, or `None` if `used` is empty or cannot be covered.
///
/// Considers every plan that includes a feature for each used token type, alone or with any number of one kind of pack.
/// On a tie, the fewest packs win.
pub(super) fn cheapest<'a>(catalog: &'a Catalog, used: &BTreeMap<TokenType, Tokens>) -> Option<Cover<'a>> {
    let used: BTreeMap<&TokenType, Tokens> =
        used.iter().filter(|(_, amount)| !amount.is_zero()).map(|(name, amount)| (name, *amount)).collect();
    if used.is_empty() {
        return None;
    }
    let mut covers = Vec::new();
    for plan in catalog.plans.iter().filter(|plan| used.keys().all(|name| opens(catalog, plan, name))) {
        // A twelfth of a yearly price, rounded up.
        let price = catalog.money(plan.price_cents.div_ceil(plan.interval.months()));
        let missing: Vec<(&TokenType, Tokens)> = used
            .iter()
            .map(|(name, amount)| (*name, amount.saturating_sub(plan.allowance_of(name))))
            .filter(|(_, amount)| !amount.is_zero())
            .collect();
        if missing.is_empty() {
            covers.push(Cover { plan, packs: None, price });
            continue;
        }
        for pack in &catalog.packs {
            let Some(count) = packs_for(pack, &missing) else { continue };
            let packs_price = catalog.money(pack.price_cents).checked_mul(count);
            if let Some(price) = packs_price.and_then(|packs| price.checked_add(packs)) {
                covers.push(Cover { plan, packs: Some((pack, count)), price });
            }
        }
    }
    covers.into_iter().min_by_key(|cover| (cover.price.minor, cover.packs.map_or(0, |(_, count)| count)))
}

/// Whether `plan` includes a feature that costs `token_type`.
fn opens(catalog: &Catalog, plan: &Plan, token_type: &TokenType) -> bool {
    catalog.features.iter().any(|feature| feature.token_type == *token_type && catalog.includes(&plan.name, feature))
}

/// Returns how many of `pack` cover all missing tokens, or `None` if the pack lacks a missing type.
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

    /// Checks the cheapest cover of a month's `ai` and `deep` usage: plan, number of packs, dollars.
    fn check(catalog: &str, ai: i64, deep: i64, expected: Option<(&str, u32, i64)>) {
        let catalog = Catalog::parse(catalog).unwrap();
        let used = [("ai", ai), ("deep", deep)];
        let used = used.map(|(name, amount)| (name.parse().unwrap(), Tokens::new(amount).unwrap()));
        let found = cheapest(&catalog, &BTreeMap::from(used)).map(|cover| {
            (cover.plan.name.to_string(), cover.packs.map_or(0, |(_, count)| count), cover.price.minor / 100)
        });
        assert_eq!(
            found,
            expected.map(|(plan, packs, dollars)| (plan.to_owned(), packs, dollars)),
            "{ai} ai, {deep} deep"
        );
    }

    #[test]
    fn a_plan_alone_is_enough_while_its_allowance_covers_the_usage() {
        check(BUILT_IN, 0, 0, None);
        check(BUILT_IN, 1, 0, Some(("pro", 0, 149)));
        check(BUILT_IN, 200, 20, Some(("pro", 0, 149)));
    }

    #[test]
    fn a_smaller_plan_with_packs_beats_a_more_expensive_larger_plan() {
        check(BUILT_IN, 201, 20, Some(("pro", 1, 178)));
        check(BUILT_IN, 200, 71, Some(("pro", 2, 207)));
        check(BUILT_IN, 2_000, 200, Some(("pro", 4, 265)));
    }

    #[test]
    fn a_larger_plan_wins_if_its_allowance_is_cheaper_than_packs() {
        let cheaper = BUILT_IN.replace("price_cents = 39_900", "price_cents = 25_000");
        check(&cheaper, 1_200, 0, Some(("pro", 2, 207)));
        check(&cheaper, 2_000, 200, Some(("enterprise", 0, 250)));
        check(&cheaper, 2_400, 200, Some(("enterprise", 1, 279)));
    }
}
