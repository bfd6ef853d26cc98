//! Options of Checkout sessions: tax, billing details, invoices of one-time payments, promotion codes.

use std::collections::BTreeMap;

use crate::demo::stripe_sandbox::{
    error::ApiError,
    params::{Params, boolean},
    records::{CheckoutOptions, Customer},
};

const UPDATE_ADDRESS: &str = "customer_update[address]";
const UPDATE_NAME: &str = "customer_update[name]";

/// Takes a session's options from the parameters. `customer` is the one that the session names.
pub(super) fn take(params: &mut Params, mode: &str, customer: Option<&Customer>) -> Result<CheckoutOptions, ApiError> {
    let mut flag = |name: &str| params.take(name).map_or(Ok(false), |value| boolean(name, &value));
    let automatic_tax = flag("automatic_tax[enabled]")?;
    let collects_tax_id = flag("tax_id_collection[enabled]")?;
    let creates_invoice = flag("invoice_creation[enabled]")?;
    let allows_promotion_codes = flag("allow_promotion_codes")?;
    let requires_address = choice(params, "billing_address_collection", ["auto", "required"])?;
    let updates_address = choice(params, UPDATE_ADDRESS, ["never", "auto"])?;
    let updates_name = choice(params, UPDATE_NAME, ["never", "auto"])?;
    let invoice_metadata: BTreeMap<_, _> = params.take_map("invoice_creation[invoice_data][metadata]");

    if creates_invoice && mode != "payment" {
        let message = "You can only enable invoice creation when `mode` is set to `payment`.";
        return Err(ApiError::invalid(message));
    }
    match customer {
        None if updates_address || updates_name => {
            return Err(ApiError::invalid("`customer_update` can only be used with `customer`."));
        }
        Some(_) if collects_tax_id && !updates_name => {
            let message = "Tax ID collection requires updating business name on the customer. To enable tax ID \
                           collection for an existing customer, please set `customer_update[name]` to `auto`.";
            return Err(ApiError::invalid(message));
        }
        Some(customer) if automatic_tax && !updates_address && customer.address.is_none() => {
            let message = "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a \
                           valid address to the Customer or set either `customer_update[address]` to 'auto' or \
                           `customer_update[shipping]` to 'auto' to save the address entered in Checkout to the \
                           Customer.";
            return Err(ApiError::coded("customer_tax_location_invalid", message));
        }
        _ => {}
    }
    Ok(CheckoutOptions {
        automatic_tax,
        collects_tax_id,
        requires_address,
        updates_address,
        allows_promotion_codes,
        invoice_metadata: creates_invoice.then_some(invoice_metadata),
    })
}

/// Takes a parameter with two values, of which the first is the default. Returns whether it has the second.
fn choice(params: &mut Params, name: &str, values: [&str; 2]) -> Result<bool, ApiError> {
    match params.take(name) {
        None => Ok(false),
        Some(value) if value == values[0] => Ok(false),
        Some(value) if value == values[1] => Ok(true),
        Some(_) => Err(ApiError::choices(name, &values.join(" or "))),
    }
}
