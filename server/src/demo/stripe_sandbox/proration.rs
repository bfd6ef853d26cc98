//! Proration: the cost of a price change for the rest of the period.

use super::{
    html::day,
    ids::new_id,
    plans::signed,
    records::{InvoiceLine, Price, Span, Subscription},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proration {
    /// The unused time at the old price.
    credit_cents: u64,
    /// The remaining time at the new price.
    charge_cents: u64,
}

impl Proration {
    /// Prorates from `at`, in seconds since 1970, to the end of the period.
    pub(super) fn new(old_cents: u64, new_cents: u64, period: Span, at: i64) -> Self {
        let [credit_cents, charge_cents] = [old_cents, new_cents].map(|cents| remaining_cents(cents, period, at));
        Self { credit_cents, charge_cents }
    }

    /// The amount due: zero if the credit is higher than the charge.
    pub(super) fn due_cents(self) -> u64 {
        self.charge_cents.saturating_sub(self.credit_cents)
    }

    /// Returns the invoice lines. `of` still has the old price.
    pub(super) fn lines(self, of: &Subscription, price: &Price, at: i64) -> Vec<InvoiceLine> {
        let line = |description, cents| {
            let period = Span { start: at, end: of.period.end };
            InvoiceLine { id: new_id("il_"), description, cents, is_proration: true, period }
        };
        let credit = signed(self.credit_cents).saturating_neg();
        vec![
            line(format!("Unused time on {} after {}", of.price.name, day(at)), credit),
            line(format!("Remaining time on {} after {}", price.name, day(at)), signed(self.charge_cents)),
        ]
    }
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
    fn check(prices: (u64, u64), seconds: i64, at: i64, expected: (u64, u64), due_cents: u64) {
        let proration = Proration::new(prices.0, prices.1, Span { start: 1_000, end: 1_000 + seconds }, 1_000 + at);
        assert_eq!((proration.credit_cents, proration.charge_cents), expected);
        assert_eq!(proration.due_cents(), due_cents);
    }

    #[test]
    fn prices_are_prorated_by_the_second_and_half_cents_round_up() {
        check((14_900, 49_900), 100, 0, (14_900, 49_900), 35_000);
        check((14_900, 49_900), 100, 75, (3_725, 12_475), 8_750);
        check((5, 7), 10, 5, (3, 4), 1);
        check((1, 100), 3, 2, (0, 33), 33);
        check((14_900, 49_900), 100, 100, (0, 0), 0);
    }

    #[test]
    fn nothing_is_due_for_a_lower_price() {
        check((49_900, 14_900), 100, 50, (24_950, 7_450), 0);
    }
}
