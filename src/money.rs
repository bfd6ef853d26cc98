//! Money, as people read it.

use crate::tokens::grouped;

/// `$149`, or `$29.50` where there are cents.
pub fn dollars(cents: u64) -> String {
    let whole = grouped(i64::try_from(cents / 100).unwrap_or(i64::MAX));
    match cents % 100 {
        0 => format!("${whole}"),
        rest => format!("${whole}.{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::dollars;

    #[test]
    fn prices_show_cents_only_where_there_are_any() {
        for (cents, text) in [(0, "$0"), (14_900, "$149"), (2_950, "$29.50"), (123_405, "$1,234.05")] {
            assert_eq!(dollars(cents), text);
        }
    }
}
