//! Amounts, formatted for the sandbox's pages.

use brightmeter::billing::money::{Currency, Money};

/// Formats an amount in the currency's minor unit: `$149`, `€26.80`, `¥4,350`, `CHF 5`.
pub(super) fn money(amount: u64, currency: &str) -> String {
    let currency: Option<Currency> = currency.parse().ok();
    currency.map_or_else(|| amount.to_string(), |currency| Money::new(amount, currency).to_string())
}

/// Returns the name of the currency's minor unit: `cents`, or the currency if it has none.
pub(super) fn unit(currency: &str) -> String {
    let has_none = currency.parse::<Currency>().is_ok_and(|currency| currency.minor_digits() == 0);
    if has_none { currency.to_ascii_uppercase() } else { "cents".into() }
}

/// Whether `code` has the form of a currency in Stripe's API: three lowercase letters.
pub(super) fn is_currency(code: &str) -> bool {
    code.parse::<Currency>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (amount, currency, text) in [
            (14_900, "usd", "$149"),
            (2_680, "eur", "€26.80"),
            (4_350, "jpy", "¥4,350"),
            (123_405, "gbp", "£1,234.05"),
            (500, "chf", "CHF 5"),
            (500, "krw", "KRW 500"),
        ] {
            assert_eq!(money(amount, currency), text);
        }
    }
}
