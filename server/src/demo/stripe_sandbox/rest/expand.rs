//! The parameter `expand`: objects in the place of ids.

use serde_json::Value;

use crate::demo::stripe_sandbox::{
    billing_records::Subscription, error::ApiError, invoice_objects, params::Params, state::State, subscription_objects,
};

pub(super) const LATEST_INVOICE: &str = "latest_invoice";
/// [`LATEST_INVOICE`] of each object of a list.
pub(super) const LISTED_LATEST_INVOICE: &str = "data.latest_invoice";

/// The payments of each invoice of a list.
pub(super) const LISTED_PAYMENTS: &str = "data.payments";

/// The properties that a request expands.
pub(super) struct Expand {
    names: Vec<String>,
}

impl Expand {
    /// Takes the parameters `expand[…]`. Those that aren't `known` are refused.
    pub(super) fn take(params: &mut Params, known: &[&str]) -> Result<Self, ApiError> {
        let names: Vec<String> = params.take_map("expand").into_values().collect();
        if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(ApiError::invalid(format!("This property cannot be expanded ({name}).")));
        }
        Ok(Self { names })
    }

    /// Whether the request expands a property.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|it| it == name)
    }

    /// Returns a subscription's object, expanded.
    pub(super) fn subscription(&self, state: &State, it: &Subscription) -> Value {
        let mut object = subscription_objects::subscription(it);
        let is_expanded = self.has(LATEST_INVOICE) || self.has(LISTED_LATEST_INVOICE);
        if let Some(invoice) = it.latest_invoice.as_ref().filter(|_| is_expanded)
            && let Some(invoice) = state.invoices.get(invoice)
        {
            object[LATEST_INVOICE] = invoice_objects::invoice(invoice, &state.base);
        }
        object
    }
}
