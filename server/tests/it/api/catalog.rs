//! `GET /catalog`.

use super::client::with_api;

#[test]
fn the_catalog_has_prices_but_no_unit_costs() {
    with_api(async |_, api, _| {
        let catalog = api.get("/catalog").await;
        assert_eq!(catalog.field("/plans/1/name"), "pro");
        assert_eq!(catalog.field("/plans/1/allowance/ai"), "200");
        assert_eq!(catalog.field("/packs/0/price_cents"), "2900");
        assert_eq!(catalog.field("/packs/0/prices/usd"), "2900");
        assert_eq!(catalog.field("/currency"), "usd");
        assert!(!catalog.text.contains("unit_cost"), "unit costs are internal");
    });
}
