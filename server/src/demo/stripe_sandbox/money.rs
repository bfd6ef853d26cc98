//! Amounts, formatted for the sandbox's pages.

use brightmeter::ledger::tokens::grouped;

/// The currencies without cents.
const ZERO_DECIMAL: [&str; 16] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"];

/// Formats an amount in the currency's smallest unit: `$149`, `€26.80`, `¥4,350`, `CHF 5`.
pub(super) fn money(amount: u64, currency: &str) -> String {
    let symbol = match currency {
        "usd" => "$".to_owned(),
        "eur" => "€".to_owned(),
        "gbp" => "£".to_owned(),
        "jpy" => "¥".to_owned(),
        other => format!("{} ", other.to_ascii_uppercase()),
    };
    let (whole, cents) = if ZERO_DECIMAL.contains(&currency) { (amount, 0) } else { (amount / 100, amount % 100) };
    let whole = grouped(i64::try_from(whole).unwrap_or(i64::MAX));
    if cents == 0 { format!("{symbol}{whole}") } else { format!("{symbol}{whole}.{cents:02}") }
}

/// Returns the name of the currency's smallest unit: `cents`, or the currency if it has none.
pub(super) fn unit(currency: &str) -> String {
    if ZERO_DECIMAL.contains(&currency) { currency.to_ascii_uppercase() } else { "cents".into() }
}

/// Whether `code` has the form of a currency in Stripe's API: three lowercase letters.
pub(super) fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_lowercase())
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

    #[test]
    fn a_currency_has_three_lowercase_letters() {
        assert!(is_currency("eur"));
        for code in ["EUR", "eu", "euro", "e1r", ""] {
            assert!(!is_currency(code), "{code}");
        }
    }
}
