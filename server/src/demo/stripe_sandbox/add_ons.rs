//! Add-ons: further items of a subscription, added by hand.

use super::{
    Sandbox,
    billing_records::{Interval, Item, Price},
    error::SandboxError,
    prices::NewPrice,
    state::State,
};

/// The price of a unit of usage, in the currency's smallest unit.
const USAGE_UNIT_CENTS: u64 = 5;

impl Sandbox {
    /// Adds a metered item without metadata to a subscription, before (`first`) or after its other items. Each period,
    /// `units` of usage are charged at 5 cents each. Returns the item's id.
    pub fn add_metered_item(&self, subscription: &str, first: bool, units: u64) -> Result<String, SandboxError> {
        self.change(|state, now| state.add_metered_item(subscription, first, units, now))
    }
}

impl State {
    pub(super) fn add_metered_item(
        &mut self,
        id: &str,
        first: bool,
        units: u64,
        now: i64,
    ) -> Result<String, SandboxError> {
        let it = self.not_ended(id)?;
        let (currency, interval) = (it.currency().to_owned(), it.interval());
        let price = self.metered_price(currency, interval, now);
        let item = Item { quantity: units, ..Item::new(price, now) };
        let item_id = item.id.clone();
        let items = &mut self.not_ended(id)?.items;
        items.insert(if first { 0 } else { items.len() }, item);
        self.emit_subscription("customer.subscription.updated", id, now);
        Ok(item_id)
    }

    fn metered_price(&mut self, currency: String, interval: Interval, now: i64) -> Price {
        let new = NewPrice { name: "Extra usage".into(), cents: USAGE_UNIT_CENTS, currency, interval };
        let price = Price { metered: true, ..self.create_price(new, now) };
        self.prices.insert(price.id.clone(), price.clone());
        price
    }
}

#[cfg(test)]
mod tests {
    use crate::demo::stripe_sandbox::{
        invoice_objects,
        plans::DAY_SECONDS,
        subscription_objects,
        testing::{MAY, emitted, on_pro, subscription},
    };

    #[test]
    fn a_metered_item_is_charged_for_the_period_that_ended() {
        for first in [true, false] {
            let mut state = on_pro(None);
            let id = subscription(&state).id;
            let item = state.add_metered_item(&id, first, 40, MAY).unwrap();
            assert_eq!(emitted(&mut state), ["customer.subscription.updated"]);
            state.advance(MAY + 31 * DAY_SECONDS);
            let object = subscription_objects::subscription(&subscription(&state));
            let (usage, plan) = if first { (0, 1) } else { (1, 0) };
            let data = &object["items"]["data"];
            assert_eq!((&data[usage]["id"], data[usage].get("quantity")), (&item.as_str().into(), None));
            assert_eq!((&data[plan]["quantity"], &data[plan]["price"]["unit_amount"]), (&1.into(), &14_900.into()));
            let invoice = invoice_objects::invoice(state.invoices_of("cus_1")[1], "");
            assert_eq!(invoice["total"], 15_100);
            let line = &invoice["lines"]["data"][usage];
            assert_eq!((&line["amount"], &line["period"]["start"]), (&200.into(), &MAY.into()));
            let details = &line["parent"]["subscription_item_details"];
            assert_eq!((&details["subscription_item"], &details["proration"]), (&item.into(), &false.into()));
            assert_eq!(line["pricing"]["price_details"]["price"], data[usage]["price"]["id"]);
        }
    }
}
