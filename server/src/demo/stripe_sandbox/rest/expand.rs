//! The parameter `expand`: objects in the place of ids.

use serde_json::Value;

use crate::demo::stripe_sandbox::{
    billing_records::Subscription, error::ApiError, invoice_objects, params::Params, state::State, subscription_objects,
};

pub(super) const LATEST_INVOICE: &str = "latest_invoice";
/// [`LATEST_INVOICE`] of each object of a list.
pub(super) const LISTED_LATEST_INVOICE: &str = "data.latest_invoice";

/// The properties that a request expands.
pub(super) struct Expand {
    latest_invoice: bool,
}

impl Expand {
    /// Takes the parameters `expand[…]`. Those that aren't `known` are refused.
    pub(super) fn take(params: &mut Params, known: &[&str]) -> Result<Self, ApiError> {
        let names = params.take_map("expand");
        if let Some(name) = names.values().find(|name| !known.contains(&name.as_str())) {
            return Err(ApiError::invalid(format!("This property cannot be expanded ({name}).")));
        }
        Ok(Self { latest_invoice: !names.is_empty() })
    }

    /// Returns a subscription's object, expanded.
    pub(super) fn subscription(&self, state: &State, it: &Subscription) -> Value {
        let mut object = subscription_objects::subscription(it);
        if let Some(invoice) = it.latest_invoice.as_ref().filter(|_| self.latest_invoice)
            && let Some(invoice) = state.invoices.get(invoice)
        {
            object[LATEST_INVOICE] = invoice_objects::invoice(invoice, &state.base);
        }
        object
    }
}
