//! Stripe's invoice document of a payment: what a receipt must show besides the amount.

use serde::{Deserialize, Serialize};

/// The document of a paid invoice, as Stripe issued it. Amounts are in minor units of the payment's currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct InvoiceDocument {
    /// The PDF file.
    pub pdf: Option<String>,
    /// The seller's name.
    pub seller: Option<String>,
    /// The buyer.
    pub buyer: Buyer,
    /// The taxes in the total. Zero ones are left out.
    pub taxes: Vec<Tax>,
}

/// The buyer, as entered at Checkout.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Buyer {
    /// The name.
    pub name: Option<String>,
    /// The billing address, line by line.
    pub address: Vec<String>,
    /// The tax ids, such as a VAT number.
    pub tax_ids: Vec<String>,
}

/// A tax in an invoice's total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tax {
    /// The amount.
    pub minor: u64,
    /// Whether the prices include it; otherwise it is added to them.
    pub is_included: bool,
}
