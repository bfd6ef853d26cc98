//! Upgrades the state files of earlier versions: a subscription had one item in its fields `item` and `price`.

use serde_json::{Map, Value, json};

/// Brings a stored state to the present form. Fields that are only missing have defaults of their own.
pub(super) fn upgrade(state: &mut Value) {
    let subscriptions = state.get_mut("subscriptions").and_then(Value::as_object_mut);
    for subscription in subscriptions.into_iter().flat_map(|all| all.values_mut()).filter_map(Value::as_object_mut) {
        upgrade_subscription(subscription);
    }
}

fn upgrade_subscription(subscription: &mut Map<String, Value>) {
    if let (Some(id), Some(price)) = (subscription.remove("item"), subscription.remove("price")) {
        let item = json!({ "id": id, "created": subscription.get("created"), "price": price, "quantity": 1 });
        subscription.insert("items".into(), json!([item]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::stripe_sandbox::{billing_records::Interval, state::State};

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
    }
}
