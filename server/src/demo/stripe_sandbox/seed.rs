//! Seeds subscriptions for organizations that are already on a paid plan when the demo starts.

use std::collections::BTreeMap;

use super::{
    Sandbox,
    billing_records::{Interval, Item, Price, Span, Subscription, SubscriptionStatus, usd},
    collection::Card,
    ids::new_id,
    records::Customer,
    state::State,
};
use crate::stripe::webhook_facts::{ORG, PLAN};

/// An organization with its plan and price.
#[derive(Clone, Debug)]
pub struct SeedAccount {
    /// The customer's Stripe id.
    pub customer: String,
    /// The organization's id.
    pub org: String,
    /// The organization's name.
    pub name: String,
    /// The plan's name in the catalog.
    pub plan: String,
    /// The plan's label.
    pub label: String,
    /// The lookup key of the plan's price.
    pub lookup_key: String,
    /// The plan's monthly price, in cents.
    pub price_cents: u64,
    /// The start of the subscription, and the anchor of its billing periods. In seconds since 1970.
    pub anchor: i64,
}

impl Sandbox {
    /// Adds a customer with an active subscription. Past months count as paid elsewhere and have no invoices. Does
    /// nothing if the customer exists.
    pub fn seed(&self, account: SeedAccount) {
        let seeded: Result<(), AlreadySeeded> = self.change(|state, now| state.seed(account, now));
        if seeded.is_err() {
            tracing::debug!("the sandbox already has this customer");
        }
    }
}

/// The customer already exists.
struct AlreadySeeded;

impl State {
    fn seed(&mut self, account: SeedAccount, now: i64) -> Result<(), AlreadySeeded> {
        let SeedAccount { customer, org, name, plan, label, lookup_key, price_cents, anchor } = account;
        if self.customers.contains_key(&customer) {
            return Err(AlreadySeeded);
        }
        let price = self.find_or_create_price(lookup_key, label, price_cents, &plan, now);
        let mut metadata = BTreeMap::from([(ORG.to_owned(), org)]);
        let record = Customer {
            id: customer.clone(),
            created: anchor,
            name: Some(name),
            email: None,
            metadata: metadata.clone(),
            card: Card::Works,
            address: None,
            tax_id: None,
        };
        self.customers.insert(customer.clone(), record);
        metadata.insert(PLAN.to_owned(), plan);
        let id = new_id("sub_");
        let subscription = Subscription {
            id: id.clone(),
            items: vec![Item::new(price, anchor)],
            number: self.next_number(),
            created: anchor,
            customer,
            metadata,
            anchor,
            period: Span::around(anchor, now, Interval::Month),
            trial: None,
            status: SubscriptionStatus::Active,
            cancel_requested_at: None,
            latest_invoice: None,
            pending_update: None,
            days_until_due: None,
            pause: None,
            schedule: None,
            discount: None,
            is_taxed: false,
        };
        self.subscriptions.insert(id.clone(), subscription);
        self.emit_subscription("customer.subscription.created", &id, now);
        Ok(())
    }

    /// Returns the price with this lookup key, or creates it.
    fn find_or_create_price(
        &mut self,
        lookup_key: String,
        name: String,
        unit_cents: u64,
        plan: &str,
        now: i64,
    ) -> Price {
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
            currency: usd(),
            interval: Interval::Month,
            metered: false,
            metadata: BTreeMap::from([(PLAN.to_owned(), plan.to_owned())]),
        };
        self.prices.insert(price.id.clone(), price.clone());
        price
    }
}
