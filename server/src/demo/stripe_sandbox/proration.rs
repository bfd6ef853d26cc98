//! Proration: the cost of a change for the rest of the period.

use super::{
    billing_records::{InvoiceLine, Item, Span},
    html::day,
    plans::signed,
};

/// Returns the credit line for the unused time of an item after `at`.
pub(super) fn credit(item: &Item, period: Span, at: i64) -> InvoiceLine {
    let cents = signed(remaining_cents(item.cents(), period, at)).saturating_neg();
    line(item, format!("Unused time on {} after {}", item.price.name, day(at)), cents, period, at)
}

/// Returns the line that charges an item for the rest of the period after `at`.
pub(super) fn charge(item: &Item, period: Span, at: i64) -> InvoiceLine {
    let cents = signed(remaining_cents(item.cents(), period, at));
    line(item, format!("Remaining time on {} after {}", item.price.name, day(at)), cents, period, at)
}

fn line(item: &Item, description: String, cents: i64, period: Span, at: i64) -> InvoiceLine {
    InvoiceLine { is_proration: true, ..item.line_of(description, cents, Span { start: at, end: period.end }) }
}

/// Returns the share of `cents` for the rest of the period after `at`, half a cent rounded up.
fn remaining_cents(cents: u64, period: Span, at: i64) -> u64 {
    let [rest, whole] = [period.end - at, period.end - period.start].map(|it| u128::try_from(it).unwrap_or_default());
    let (rest, whole) = (rest.min(whole), whole.max(1));
    u64::try_from((2 * u128::from(cents) * rest + whole) / (2 * whole)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(prices: (u64, u64), seconds: i64, at: i64, expected: (u64, u64)) {
        let period = Span { start: 1_000, end: 1_000 + seconds };
        let remaining = |cents| remaining_cents(cents, period, 1_000 + at);
        assert_eq!((remaining(prices.0), remaining(prices.1)), expected);
    }

    #[test]
    fn prices_are_prorated_by_the_second_and_half_cents_round_up() {
        check((14_900, 49_900), 100, 0, (14_900, 49_900));
        check((14_900, 49_900), 100, 75, (3_725, 12_475));
        check((5, 7), 10, 5, (3, 4));
        check((1, 100), 3, 2, (0, 33));
        check((14_900, 49_900), 100, 100, (0, 0));
    }
}
