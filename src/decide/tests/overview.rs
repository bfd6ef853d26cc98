//! The overview of a token type.

use super::world::{World, tokens};
use crate::ledger::{grant::Source, overview::Overview};

impl World {
    fn overview(&self) -> Overview {
        let spec = self.catalog.token_type(&super::world::ai()).unwrap();
        Overview::of(&self.account, &self.catalog, spec)
    }
}

#[test]
fn the_allowance_and_the_packs_add_up_to_the_balance() {
    let mut world = World::on("pro");
    world.give(Source::Pack, 500, "");
    world.spend(60);
    let overview = world.overview();
    let allowance = overview.allowance.unwrap();
    assert_eq!((allowance.granted, allowance.remaining), (tokens(200), tokens(140)));
    assert_eq!((overview.packs, overview.full), (tokens(500), tokens(700)));
    assert_eq!(overview.grants.iter().map(|grant| grant.source).collect::<Vec<_>>(), [Source::Plan, Source::Pack]);
    assert!(!overview.low);
}

#[test]
fn the_allowance_is_that_of_the_current_period() {
    let mut world = World::on("pro");
    // Grants are found in the order of their ids, which are hashes: in some month, an older one comes first.
    for month in 4..10 {
        world.spend(60);
        world.set_time(&format!("2026-{month:02}-20T00:00:00Z"));
        world.advance();
        let allowance = world.overview().allowance.unwrap();
        assert_eq!((allowance.granted, allowance.remaining), (tokens(200), tokens(200)), "month {month}");
    }
}

#[test]
fn a_balance_is_low_below_a_tenth_of_the_full_amount() {
    for (spent, low) in [(180, false), (185, true)] {
        let mut world = World::on("pro");
        world.spend(spent);
        assert_eq!(world.overview().low, low, "after {spent} of 200");
    }
}

#[test]
fn a_plan_without_allowance_shows_none_and_is_not_low() {
    let overview = World::on("starter").overview();
    assert_eq!((overview.allowance, overview.low), (None, false));
}
