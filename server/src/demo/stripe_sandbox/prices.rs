//! Prices and subscriptions created by hand, as in Stripe's dashboard.

use std::collections::BTreeMap;

use super::{
    Sandbox,
    billing_records::{Interval, Price},
    error::SandboxError,
    ids::new_id,
    money::is_currency,
    records::Signup,
    state::State,
    totals::Terms,
};

/// A price to create: without a lookup key and metadata.
#[derive(Clone, Debug)]
pub(super) struct NewPrice {
    pub(super) name: String,
    pub(super) cents: u64,
    pub(super) currency: String,
    pub(super) interval: Interval,
}

impl Sandbox {
    /// Creates a monthly or yearly price and returns its id. `amount` is in the smallest unit of `currency`, such as
    /// `eur`.
    pub fn create_price(&self, name: &str, amount: u64, currency: &str, yearly: bool) -> Result<String, SandboxError> {
        if !is_currency(currency) {
            return Err(SandboxError::Unknown("currency", currency.to_owned()));
        }
        let interval = if yearly { Interval::Year } else { Interval::Month };
        let new = NewPrice { name: name.to_owned(), cents: amount, currency: currency.to_owned(), interval };
        self.change(|state, now| Ok(state.create_price(new, now).id))
    }

    /// Subscribes a customer to a price, paid by card, and returns the subscription's id.
    pub fn subscribe(&self, customer: &str, price: &str) -> Result<String, SandboxError> {
        self.change(|state, now| state.subscribe_by_hand(customer, price, now))
    }
}

impl State {
    pub(super) fn create_price(&mut self, new: NewPrice, now: i64) -> Price {
        let NewPrice { name, cents, currency, interval } = new;
        let price = Price {
            id: new_id("price_"),
            created: now,
            product: new_id("prod_"),
            name,
            lookup_key: String::new(),
            unit_cents: cents,
            currency,
            interval,
            metered: false,
            metadata: BTreeMap::new(),
        };
        self.prices.insert(price.id.clone(), price.clone());
        price
    }

    pub(super) fn price(&self, id: &str) -> Result<&Price, SandboxError> {
        self.prices.get(id).ok_or_else(|| SandboxError::Unknown("price", id.to_owned()))
    }

    pub(super) fn subscribe_to_other_product(&mut self, customer: &str, now: i64) -> Result<String, SandboxError> {
        self.known_customer(customer)?;
        let currency = self.subscriptions_of(customer).first().map_or("usd", |it| it.currency()).to_owned();
        let new = NewPrice { name: "Widgets".into(), cents: 1_900, currency, interval: Interval::Month };
        let price = self.create_price(new, now).id;
        self.subscribe_by_hand(customer, &price, now)
    }

    fn subscribe_by_hand(&mut self, customer: &str, price: &str, now: i64) -> Result<String, SandboxError> {
        self.known_customer(customer)?;
        let price = self.price(price)?.clone();
        let (customer, subscription_metadata) = (customer.to_owned(), BTreeMap::new());
        Ok(self.subscribe(
            &Signup { customer, price, trial_days: None, subscription_metadata },
            Terms::default(),
            true,
            now,
        ))
    }
}
