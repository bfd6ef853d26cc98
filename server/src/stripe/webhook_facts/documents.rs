//! Reads Stripe's invoice documents: seller, buyer, taxes and the PDF file. Unreadable parts are left out.

use brightmeter::billing::document::{Buyer, InvoiceDocument, Tax};
use serde_json::Value;

use super::https_url;

/// The length of a stored text, in characters.
const MAX_CHARS: usize = 200;
/// The number of taxes and of tax ids stored per document.
const MAX_ITEMS: usize = 10;

/// Reads the document of an invoice.
pub(super) fn read(invoice: &Value) -> InvoiceDocument {
    let address = &invoice["customer_address"];
    let city = [&address["postal_code"], &address["city"]].into_iter().filter_map(line).collect::<Vec<_>>().join(" ");
    let lines = [&address["line1"], &address["line2"]].into_iter().filter_map(line);
    let rest = [&address["state"], &address["country"]].into_iter().filter_map(line);
    let city = (!city.is_empty()).then_some(city);
    let items = |list: &Value| list.as_array().cloned().unwrap_or_default().into_iter().take(MAX_ITEMS);
    // Old API versions name them differently.
    let taxes = items(&invoice["total_taxes"]).chain(items(&invoice["total_tax_amounts"]));
    InvoiceDocument {
        pdf: https_url(&invoice["invoice_pdf"]),
        seller: line(&invoice["account_name"]),
        buyer: Buyer {
            name: line(&invoice["customer_name"]),
            address: lines.chain(city).chain(rest).collect(),
            tax_ids: items(&invoice["customer_tax_ids"]).filter_map(|id| line(&id["value"])).collect(),
        },
        taxes: taxes.filter_map(|object| tax(&object)).collect(),
    }
}

fn tax(object: &Value) -> Option<Tax> {
    let minor = object["amount"].as_u64().filter(|minor| *minor > 0)?;
    Some(Tax { minor, is_included: object["tax_behavior"] == "inclusive" || object["inclusive"] == true })
}

/// A line of text for display.
fn line(value: &Value) -> Option<String> {
    let text: String = value.as_str()?.chars().filter(|char| !char.is_control()).take(MAX_CHARS).collect();
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_a_receipt_must_show() {
        let document = read(&json!({
            "invoice_pdf": "https://pay.stripe.com/invoice/acct_1/pdf",
            "account_name": "Brightmeter GmbH",
            "customer_name": "Acme",
            "customer_address": { "line1": "Hauptstr. 1", "line2": null, "postal_code": "10115", "city": "Berlin", "state": "", "country": "DE" },
            "customer_tax_ids": [{ "type": "eu_vat", "value": "DE123456789" }],
            "total_taxes": [{ "amount": 509, "tax_behavior": "exclusive" }, { "amount": 0, "tax_behavior": "exclusive" }],
        }));
        assert_eq!(document.pdf.as_deref(), Some("https://pay.stripe.com/invoice/acct_1/pdf"));
        assert_eq!(document.seller.as_deref(), Some("Brightmeter GmbH"));
        assert_eq!(document.buyer.address, ["Hauptstr. 1", "10115 Berlin", "DE"]);
        assert_eq!(document.buyer.tax_ids, ["DE123456789"]);
        assert_eq!(document.taxes, [Tax { minor: 509, is_included: false }]);
    }

    #[test]
    fn malformed_parts_are_left_out() {
        let malformed =
            json!({ "invoice_pdf": "javascript:x", "account_name": 7, "customer_address": "here", "total_taxes": {} });
        assert_eq!(read(&malformed), InvoiceDocument::default());
    }
}
