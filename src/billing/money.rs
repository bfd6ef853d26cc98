//! Money: an amount with its currency. Amounts of different currencies are never added.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ledger::tokens::grouped;

/// A currency, by its ISO 4217 code in lower-case letters, as Stripe writes it: `usd`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// The error for text that is not a currency code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency: use the three lower-case letters of its ISO 4217 code, such as `usd`")]
pub struct CurrencyError(String);

impl Currency {
    /// The US dollar: the currency of a catalog that names none, and of what was stored before currencies were.
    pub const USD: Self = Self(*b"usd");

    /// Returns the code, in lower-case letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns the number of decimals of the minor unit: 2 for `usd`, whose minor unit is the cent.
    ///
    /// As in ISO 4217, except for the krona of Iceland and the shilling of Uganda. They have no decimals, but Stripe
    /// still counts them in hundredths.
    pub const fn minor_digits(self) -> u32 {
        match &self.0 {
            b"bif" | b"clp" | b"djf" | b"gnf" | b"jpy" | b"kmf" | b"krw" | b"mga" | b"pyg" | b"rwf" | b"vnd"
            | b"vuv" | b"xaf" | b"xof" | b"xpf" => 0,
            b"bhd" | b"jod" | b"kwd" | b"omr" | b"tnd" => 3,
            _ => 2,
        }
    }

    /// Returns the number of minor units that every amount must be a multiple of: Stripe refuses to charge others.
    pub const fn increment(self) -> u32 {
        match &self.0 {
            b"isk" | b"ugx" => 100,
            _ if self.minor_digits() == 3 => 10,
            _ => 1,
        }
    }

    /// Returns the number of minor units in a whole unit.
    const fn minor_per_unit(self) -> u64 {
        10_u64.pow(self.minor_digits())
    }

    /// Formats millionths of a unit without rounding: `$2`, `$0.008`, `$2.50`.
    pub fn format_micros(self, micros: u64) -> String {
        let (whole, rest) = (micros / MICROS_PER_UNIT, micros % MICROS_PER_UNIT);
        let digits = format!("{rest:06}");
        let (digits, width) = (digits.trim_end_matches('0'), self.minor_digits() as usize);
        let digits = if rest == 0 { String::new() } else { format!("{digits:0<width$}") };
        self.format(whole, &digits)
    }

    fn format(self, whole: u64, decimals: &str) -> String {
        let whole = grouped(i64::try_from(whole).unwrap_or(i64::MAX));
        let point = if decimals.is_empty() { "" } else { "." };
        match &self.0 {
            b"usd" => format!("${whole}{point}{decimals}"),
            b"eur" => format!("€{whole}{point}{decimals}"),
            b"gbp" => format!("£{whole}{point}{decimals}"),
            b"jpy" => format!("¥{whole}{point}{decimals}"),
            _ => format!("{} {whole}{point}{decimals}", self.as_str().to_ascii_uppercase()),
        }
    }
}

impl Default for Currency {
    fn default() -> Self {
        Self::USD
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_lowercase) => Ok(Self(code)),
            _ => Err(CurrencyError(text.chars().take(60).collect())),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;

    fn try_from(text: String) -> Result<Self, CurrencyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.as_str().into()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The millionths in a unit of any currency.
pub const MICROS_PER_UNIT: u64 = 1_000_000;

/// An amount of money, possibly negative.
///
/// Not ordered, because amounts of different currencies cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// The amount, in minor units of the currency.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// Creates an amount from minor units of `currency`, at most [`i64::MAX`].
    pub fn new(minor: impl TryInto<i64>, currency: Currency) -> Self {
        Self { minor: minor.try_into().unwrap_or(i64::MAX), currency }
    }

    /// Creates an amount from millionths of a unit of `currency`, rounded up to minor units.
    pub fn from_micros(micros: u64, currency: Currency) -> Self {
        Self::new(micros.div_ceil(MICROS_PER_UNIT / currency.minor_per_unit()), currency)
    }

    /// Whether the amount is zero.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// Returns the sum, or `None` if the currencies differ or the sum is too large.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let minor = self.minor.checked_add(other.minor)?;
        (self.currency == other.currency).then_some(Self { minor, ..self })
    }

    /// Returns the difference, or `None` if the currencies differ or the difference is too large.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(Self { minor: other.minor.checked_neg()?, ..other })
    }

    /// Returns the product, or `None` if it is too large.
    pub fn checked_mul(self, factor: u32) -> Option<Self> {
        Some(Self { minor: self.minor.checked_mul(factor.into())?, ..self })
    }

    /// Returns the amount in millionths of a unit; 0 if it is negative.
    pub fn micros(self) -> u64 {
        let micros_per_minor = MICROS_PER_UNIT / self.currency.minor_per_unit();
        u64::try_from(self.minor).unwrap_or_default().saturating_mul(micros_per_minor)
    }
}

/// Formats for people: `$149`, `$29.50`, `−€26.80`, `¥4,350`, `CHF 12.50`. With `{:#}`, always with all decimals:
/// `$149.00`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minor, unit) = (self.minor.unsigned_abs(), self.currency.minor_per_unit());
        let (whole, rest) = (minor / unit, minor % unit);
        let digits = self.currency.minor_digits() as usize;
        let shows_decimals = digits > 0 && (rest > 0 || f.alternate());
        let decimals = if shows_decimals { format!("{rest:0digits$}") } else { String::new() };
        let sign = if self.minor < 0 { "−" } else { "" };
        f.pad(&format!("{sign}{}", self.currency.format(whole, &decimals)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i64, currency: &str) -> Money {
        Money { minor, currency: currency.parse().unwrap() }
    }

    #[test]
    fn amounts_have_the_decimals_and_the_symbol_of_their_currency() {
        for (minor, currency, text) in [
            (0, "usd", "$0"),
            (14_900, "usd", "$149"),
            (2_950, "usd", "$29.50"),
            (123_405, "usd", "$1,234.05"),
            (-10_094, "usd", "−$100.94"),
            (5, "usd", "$0.05"),
            (2_680, "eur", "€26.80"),
            (1_200, "gbp", "£12"),
            (4_350, "jpy", "¥4,350"),
            (1_250, "chf", "CHF 12.50"),
            (1_250, "kwd", "KWD 1.250"),
            (-29_000, "kwd", "−KWD 29"),
            (9_000, "krw", "KRW 9,000"),
            (500, "isk", "ISK 5"),
            (500, "ugx", "UGX 5"),
        ] {
            assert_eq!(money(minor, currency).to_string(), text);
        }
        assert_eq!(format!("{:#}", money(14_900, "usd")), "$149.00");
        assert_eq!(format!("{:#}", money(4_350, "jpy")), "¥4,350");
        assert_eq!(format!("{:>8}", money(4_350, "jpy")), "  ¥4,350");
    }

    #[test]
    fn costs_show_every_significant_digit() {
        for (micros, currency, text) in [
            (0, "usd", "$0"),
            (8_000, "usd", "$0.008"),
            (2_500_000, "usd", "$2.50"),
            (1_100_000_000, "usd", "$1,100"),
            (1, "usd", "$0.000001"),
            (1_234_560_000, "usd", "$1,234.56"),
            (2_500_000, "jpy", "¥2.5"),
            (2_500_000, "kwd", "KWD 2.500"),
        ] {
            assert_eq!(currency.parse::<Currency>().unwrap().format_micros(micros), text);
        }
    }

    #[test]
    fn amounts_of_different_currencies_are_never_added() {
        let (dollars, euros) = (money(2_900, "usd"), money(2_680, "eur"));
        assert_eq!(dollars.checked_add(dollars), Some(money(5_800, "usd")));
        assert_eq!(dollars.checked_sub(money(3_000, "usd")), Some(money(-100, "usd")));
        assert_eq!((dollars.checked_add(euros), dollars.checked_sub(euros)), (None, None));
        assert_eq!(money(i64::MAX, "usd").checked_add(money(1, "usd")), None);
    }

    #[test]
    fn amounts_in_millionths_depend_on_the_decimals() {
        let micros = [money(149, "usd"), money(149, "jpy"), money(149, "kwd")].map(Money::micros);
        assert_eq!(micros, [1_490_000, 149_000_000, 149_000]);
    }

    #[test]
    fn a_currency_is_three_lower_case_letters() {
        for text in ["", "us", "USD", "usdt", "u$d", "€"] {
            assert!(text.parse::<Currency>().is_err(), "{text}");
        }
        let json = r#"{"minor":2680,"currency":"eur"}"#;
        let euros: Money = serde_json::from_str(json).unwrap();
        assert_eq!((euros, serde_json::to_string(&euros).unwrap()), (money(2_680, "eur"), json.to_owned()));
    }
}
