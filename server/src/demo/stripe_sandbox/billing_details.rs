//! Billing details of customers: name, address, tax ids.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Sandbox, error::SandboxError, records::Customer, state::State};

/// Billing details as an invoice shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BillingDetails {
    pub(super) name: Option<String>,
    pub(super) address: Option<Address>,
    /// A tax id: its type at Stripe, such as `eu_vat`, and its value.
    pub(super) tax_id: Option<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) line1: String,
    pub(super) postal_code: String,
    pub(super) city: String,
    /// Two letters.
    pub(super) country: String,
}

impl Address {
    /// The address that people enter at Checkout, by the currency that they pay in.
    pub(super) fn entered(currency: &str) -> Self {
        let [line1, postal_code, city, country] = match currency {
            "eur" => ["Ackerstraße 12", "10115", "Berlin", "DE"],
            "gbp" => ["1 Mill Lane", "BS1 4ST", "Bristol", "GB"],
            "jpy" => ["1-1 Marunouchi", "100-0005", "Tokyo", "JP"],
            _ => ["100 Main Street", "97201", "Portland", "US"],
        }
        .map(ToOwned::to_owned);
        Self { line1, postal_code, city, country }
    }

    pub(super) fn object(&self) -> Value {
        json!({
            "city": self.city, "country": self.country, "line1": self.line1, "line2": null,
            "postal_code": self.postal_code, "state": null,
        })
    }
}

impl BillingDetails {
    /// Returns the tax ids of an invoice's or a session's object.
    pub(super) fn tax_ids(&self) -> Value {
        let id = self.tax_id.iter().map(|(kind, value)| json!({ "type": kind, "value": value }));
        id.collect()
    }
}

impl Customer {
    pub(super) fn billing_details(&self) -> BillingDetails {
        BillingDetails { name: self.name.clone(), address: self.address.clone(), tax_id: self.tax_id.clone() }
    }
}

impl Sandbox {
    /// Sets the billing details that the customer's next invoices show. `country` has two letters; `tax_id` is a type
    /// and a value, such as `("eu_vat", "DE123456789")`.
    pub fn set_billing_details(
        &self,
        customer: &str,
        name: &str,
        country: &str,
        tax_id: Option<(&str, &str)>,
    ) -> Result<(), SandboxError> {
        self.change(|state, now| state.set_billing_details(customer, name, country, tax_id, now))
    }
}

impl State {
    fn set_billing_details(
        &mut self,
        id: &str,
        name: &str,
        country: &str,
        tax_id: Option<(&str, &str)>,
        now: i64,
    ) -> Result<(), SandboxError> {
        let customer = self.customers.get_mut(id);
        let customer = customer.ok_or_else(|| SandboxError::Unknown("customer", id.to_owned()))?;
        customer.name = Some(name.to_owned());
        customer.address = Some(Address { country: country.to_ascii_uppercase(), ..Address::entered("eur") });
        customer.tax_id = tax_id.map(|(kind, value)| (kind.to_owned(), value.to_owned()));
        let object = super::objects::customer(customer);
        self.emit("customer.updated", &object, now);
        Ok(())
    }
}
