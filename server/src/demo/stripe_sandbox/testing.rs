//! Support for the sandbox's unit tests: a customer on Pro since 1 May, requests, and the emitted events.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    billing_records::{Interval, Price, Subscription},
    collection::Card,
    params::Params,
    plans::DAY_SECONDS,
    prices::NewPrice,
    records::{Customer, Signup},
    state::State,
    totals::Terms,
};

/// 1 May 2026, 0:00 UTC.
pub(super) const MAY: i64 = 1_777_593_600;

/// Returns a state with one customer, `cus_1`, on Pro since 1 May.
pub(super) fn on_pro(trial_days: Option<u32>) -> State {
    let mut state = State::default();
    let customer = Customer {
        id: "cus_1".into(),
        created: MAY,
        name: None,
        email: None,
        metadata: BTreeMap::new(),
        card: Card::Works,
        address: None,
        tax_id: None,
    };
    state.customers.insert("cus_1".into(), customer);
    let price = price(&mut state, "Pro", 14_900);
    let subscription_metadata = BTreeMap::new();
    state.subscribe(
        &Signup { customer: "cus_1".into(), price, trial_days, subscription_metadata },
        Terms::default(),
        true,
        MAY,
    );
    state.events.clear();
    state
}

/// Creates a monthly price in US dollars.
pub(super) fn price(state: &mut State, name: &str, cents: u64) -> Price {
    let new = NewPrice { name: name.into(), cents, currency: "usd".into(), interval: Interval::Month };
    state.create_price(new, MAY)
}

/// Returns the customer's newest subscription.
pub(super) fn subscription(state: &State) -> Subscription {
    state.subscriptions_of("cus_1")[0].clone()
}

/// Returns the parameters of a request.
pub(super) fn params(fields: &[(&str, &str)]) -> Params {
    Params::parse(serde_urlencoded::to_string(fields).unwrap().as_bytes()).unwrap()
}

/// Returns the types of the new events, and forgets them.
pub(super) fn emitted(state: &mut State) -> Vec<String> {
    state.events.drain(..).map(|event| event.kind).collect()
}

/// Checks the new events: the day after 1 May, and the type.
#[track_caller]
pub(super) fn check(state: &mut State, expected: &[(i64, &str)]) {
    let emitted: Vec<(i64, String)> = state
        .events
        .drain(..)
        .map(|event| {
            let payload: Value = serde_json::from_str(&event.payload).unwrap();
            ((payload["created"].as_i64().unwrap() - MAY) / DAY_SECONDS, event.kind)
        })
        .collect();
    let emitted: Vec<(i64, &str)> = emitted.iter().map(|(day, kind)| (*day, kind.as_str())).collect();
    assert_eq!(emitted, expected);
}
