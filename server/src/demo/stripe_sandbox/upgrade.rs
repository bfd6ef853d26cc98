//! Upgrades the state files of earlier versions: a subscription had one item in its fields `item` and `price`, and a
//! card worked or was declined.

use serde_json::{Map, Value, json};

/// Brings a stored state to the present form. Fields that are only missing have defaults of their own.
pub(super) fn upgrade(state: &mut Value) {
    for (name, upgrade_record) in
        [("subscriptions", upgrade_subscription as fn(&mut Map<String, Value>)), ("customers", upgrade_customer)]
    {
        let records = state.get_mut(name).and_then(Value::as_object_mut);
        let records = records.into_iter().flat_map(|all| all.values_mut());
        records.filter_map(Value::as_object_mut).for_each(upgrade_record);
    }
}

fn upgrade_subscription(subscription: &mut Map<String, Value>) {
    if let (Some(id), Some(price)) = (subscription.remove("item"), subscription.remove("price")) {
        let item = json!({ "id": id, "created": subscription.get("created"), "price": price, "quantity": 1 });
        subscription.insert("items".into(), json!([item]));
    }
}

fn upgrade_customer(customer: &mut Map<String, Value>) {
    if customer.remove("card_fails") == Some(Value::Bool(true)) {
        customer.insert("card".into(), "declined".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::stripe_sandbox::{billing_records::Interval, collection::Card, state::State};

    #[test]
    fn a_state_file_of_an_earlier_version_loads() {
        let mut stored: Value = serde_json::from_str(include_str!("upgrade/state.json")).unwrap();
        upgrade(&mut stored);
        let state: State = serde_json::from_value(stored).unwrap();
        let it = &state.subscriptions_of("cus_1")[0];
        assert_eq!((it.items.len(), it.items[0].id.as_str(), it.items[0].created), (1, "si_1", 1_777_593_600));
        let price = &it.items[0].price;
        assert_eq!((price.currency.as_str(), price.interval, price.unit_cents), ("usd", Interval::Month, 14_900));
        assert_eq!(state.invoices_of("cus_1")[0].currency, "usd");
        assert_eq!(state.card("cus_1"), Card::Declined);
    }
}
