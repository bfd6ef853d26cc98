//! The totals of an invoice or a checkout: discount and tax.

use serde_json::{Value, json};

use super::{
    billing_records::{Invoice, InvoiceLine, Subscription},
    changes::total,
    money::money,
    plans::signed,
};

/// The tax in percent where it is collected.
const TAX_PERCENT: u64 = 19;
/// The currency of sales where tax is collected.
const TAXED_CURRENCY: &str = "eur";

/// Amounts in the currency's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Totals {
    /// The sum of the lines. Negative if credits are higher than charges.
    pub(super) subtotal: i64,
    pub(super) discount_cents: u64,
    /// `None` if tax isn't calculated.
    pub(super) tax_cents: Option<u64>,
}

/// The discount and the tax of a checkout or a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Terms {
    /// The discount in percent.
    pub(super) percent_off: u8,
    /// Whether tax is calculated.
    pub(super) is_taxed: bool,
}

impl Terms {
    pub(super) fn totals(self, subtotal: i64, currency: &str) -> Totals {
        let positive = u64::try_from(subtotal).unwrap_or_default();
        let discount_cents = percent(positive, self.percent_off.into());
        let rate = if currency == TAXED_CURRENCY { TAX_PERCENT } else { 0 };
        let tax_cents = self.is_taxed.then(|| percent(positive.saturating_sub(discount_cents), rate));
        Totals { subtotal, discount_cents, tax_cents }
    }
}

impl Totals {
    pub(super) fn excluding_tax(self) -> i64 {
        self.subtotal - signed(self.discount_cents)
    }

    pub(super) fn total(self) -> i64 {
        self.excluding_tax() + signed(self.tax_cents.unwrap_or_default())
    }

    /// The amount due: zero if credits are higher than charges.
    pub(super) fn due_cents(self) -> u64 {
        u64::try_from(self.total()).unwrap_or_default()
    }

    /// Returns the discount and the tax as HTML, for the sandbox's pages.
    pub(super) fn note(self, currency: &str) -> String {
        let amounts = [("Discount", self.discount_cents), ("Tax included", self.tax_cents.unwrap_or_default())];
        let amounts = amounts.into_iter().filter(|(_, cents)| *cents > 0);
        amounts.map(|(label, cents)| format!("<p>{label}: {}</p>", money(cents, currency))).collect()
    }

    /// Returns the taxes of an invoice's object.
    pub(super) fn taxes(self) -> Value {
        let Some(amount) = self.tax_cents else { return json!([]) };
        json!([{
            "amount": amount,
            "tax_behavior": "exclusive",
            "tax_rate_details": { "tax_rate": "txr_sandbox" },
            "taxability_reason": if amount > 0 { "standard_rated" } else { "not_collecting" },
            "taxable_amount": self.excluding_tax(),
            "type": "tax_rate_details",
        }])
    }
}

impl Subscription {
    /// Returns the totals of an invoice with these lines.
    pub(super) fn totals(&self, lines: &[InvoiceLine]) -> Totals {
        let percent_off = self.discount.as_ref().map_or(0, |discount| discount.percent);
        Terms { percent_off, is_taxed: self.is_taxed }.totals(total(lines), self.currency())
    }
}

impl Invoice {
    pub(super) fn totals(&self) -> Totals {
        let (discount_cents, tax_cents) = (self.discount_cents, self.tax_cents);
        let subtotal = signed(self.amount_cents) + signed(discount_cents) - signed(tax_cents.unwrap_or_default());
        Totals { subtotal, discount_cents, tax_cents }
    }
}

/// Returns a share of `cents`, half a cent rounded up.
fn percent(cents: u64, percent: u64) -> u64 {
    cents.saturating_mul(percent).saturating_add(50) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(terms: (u8, bool), subtotal: i64, currency: &str, expected: (u64, Option<u64>, i64)) {
        let totals = Terms { percent_off: terms.0, is_taxed: terms.1 }.totals(subtotal, currency);
        assert_eq!((totals.discount_cents, totals.tax_cents, totals.total()), expected);
    }

    #[test]
    fn a_discount_is_taken_off_before_tax() {
        check((0, false), 2_680, "eur", (0, None, 2_680));
        check((0, true), 2_680, "eur", (0, Some(509), 3_189));
        check((25, true), 1_000, "eur", (250, Some(143), 893));
        check((100, true), 1_000, "eur", (1_000, Some(0), 0));
        check((0, true), 4_350, "jpy", (0, Some(0), 4_350));
        check((50, true), -500, "eur", (0, Some(0), -500));
    }
}
