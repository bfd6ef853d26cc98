//! Organizations that are on a plan before the sandbox has heard of them: the demo starts with some.

use std::collections::BTreeMap;

use super::{
    Sandbox,
    plans::{Price, Span, Status, Subscription},
    state::{Customer, State, new_id},
};
use crate::stripe::webhook_facts::{ORG, PLAN};

/// An organization, its plan, and what it pays for it.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// Its id as a customer.
    pub customer: String,
    /// Its own id.
    pub org: String,
    /// Its name.
    pub name: String,
    /// The plan's key.
    pub plan: String,
    /// The plan's name.
    pub label: String,
    /// What the plan's price is looked up by.
    pub lookup_key: String,
    /// What the plan costs a month.
    pub price_cents: u64,
    /// What its months are counted from, in seconds since 1970; also when it began.
    pub anchor: i64,
}

impl Sandbox {
    /// Takes an organization into the books, with a subscription that is active: months that are over count as paid
    /// elsewhere, and there are no invoices for them. Nothing happens if the customer is there already.
    pub fn adopt(&self, account: Adopted) {
        let adopted: Result<(), Known> = self.change(|state, now| state.adopt(account, now));
        if adopted.is_err() {
            tracing::debug!("the sandbox knows this customer already");
        }
    }
}

/// The customer is in the books already.
struct Known;

impl State {
    fn adopt(&mut self, account: Adopted, now: i64) -> Result<(), Known> {
        let Adopted { customer, org, name, plan, label, lookup_key, price_cents, anchor } = account;
        if self.customers.contains_key(&customer) {
            return Err(Known);
        }
        let price = self.price_of(lookup_key, label, price_cents, &plan, now);
        let mut metadata = BTreeMap::from([(ORG.to_owned(), org)]);
        let known = Customer {
            id: customer.clone(),
            created: anchor,
            name: Some(name),
            email: None,
            metadata: metadata.clone(),
            card_fails: false,
        };
        self.customers.insert(customer.clone(), known);
        metadata.insert(PLAN.to_owned(), plan);
        let id = new_id("sub_");
        let subscription = Subscription {
            id: id.clone(),
            item: new_id("si_"),
            number: self.number(),
            created: anchor,
            customer,
            price,
            metadata,
            anchor,
            period: Span::month(anchor, now),
            trial: None,
            status: Status::Active,
            cancel_asked_at: None,
            latest_invoice: None,
        };
        self.subscriptions.insert(id.clone(), subscription);
        self.emit_subscription("customer.subscription.created", &id, now);
        Ok(())
    }

    /// The price that is looked up by `lookup_key`; there is one from now on.
    fn price_of(&mut self, lookup_key: String, name: String, unit_cents: u64, plan: &str, now: i64) -> Price {
        if let Some(price) = self.prices.values().find(|price| price.lookup_key == lookup_key) {
            return price.clone();
        }
        let price = Price {
            id: new_id("price_"),
            created: now,
            product: new_id("prod_"),
            name,
            lookup_key,
            unit_cents,
            metadata: BTreeMap::from([(PLAN.to_owned(), plan.to_owned())]),
        };
        self.prices.insert(price.id.clone(), price.clone());
        price
    }
}
