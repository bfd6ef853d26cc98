//! Money, formatted for display. Amounts are in cents or in micro-dollars (millionths of a dollar).

use crate::ledger::tokens::grouped;

/// Formats cents as dollars: `$149`, or `$29.50` if there are cents.
pub fn dollars(cents: u64) -> String {
    let whole = grouped(i64::try_from(cents / 100).unwrap_or(i64::MAX));
    match cents % 100 {
        0 => format!("${whole}"),
        rest => format!("${whole}.{rest:02}"),
    }
}

/// Formats signed cents as dollars: `−$100.94`.
pub fn signed_dollars(cents: i64) -> String {
    let sign = if cents < 0 { "−" } else { "" };
    format!("{sign}{}", dollars(cents.unsigned_abs()))
}

/// Formats micro-dollars without rounding: `$2`, `$0.008`, `$2.50`.
pub fn dollars_of_micros(micros: u64) -> String {
    let whole = grouped(i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX));
    match micros % 1_000_000 {
        0 => format!("${whole}"),
        rest => {
            let digits = format!("{rest:06}");
            format!("${whole}.{:0<2}", digits.trim_end_matches('0'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{dollars, dollars_of_micros, signed_dollars};

    #[test]
    fn prices_show_cents_only_if_there_are_any() {
        for (cents, text) in [(0, "$0"), (14_900, "$149"), (2_950, "$29.50"), (123_405, "$1,234.05")] {
            assert_eq!(dollars(cents), text);
        }
        assert_eq!([-10_094, 0, 5].map(signed_dollars), ["−$100.94", "$0", "$0.05"]);
    }

    #[test]
    fn costs_show_every_significant_digit() {
        for (micros, text) in [
            (0, "$0"),
            (8_000, "$0.008"),
            (2_500_000, "$2.50"),
            (1_100_000_000, "$1,100"),
            (1, "$0.000001"),
            (1_234_560_000, "$1,234.56"),
        ] {
            assert_eq!(dollars_of_micros(micros), text);
        }
    }
}
