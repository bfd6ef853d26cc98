//! What a change of price costs for the rest of a period.

use super::{
    html::day,
    plans::{Line, Price, Span, Subscription, signed},
    state::new_id,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proration {
    /// For what is left unused at the old price.
    credit_cents: u64,
    /// For the rest at the new one.
    charge_cents: u64,
}

impl Proration {
    /// From the second `at` to the end of the period.
    pub(super) fn new(old_cents: u64, new_cents: u64, period: Span, at: i64) -> Self {
        let [credit_cents, charge_cents] = [old_cents, new_cents].map(|cents| rest_of(cents, period, at));
        Self { credit_cents, charge_cents }
    }

    /// What is to be paid, if anything.
    pub(super) fn due_cents(self) -> u64 {
        self.charge_cents.saturating_sub(self.credit_cents)
    }

    /// The lines of an invoice for it; `of` still has the old price.
    pub(super) fn lines(self, of: &Subscription, price: &Price, at: i64) -> Vec<Line> {
        let line = |description, cents| {
            let period = Span { start: at, end: of.period.end };
            Line { id: new_id("il_"), description, cents, is_proration: true, period }
        };
        let credit = signed(self.credit_cents).saturating_neg();
        vec![
            line(format!("Unused time on {} after {}", of.price.name, day(at)), credit),
            line(format!("Remaining time on {} after {}", price.name, day(at)), signed(self.charge_cents)),
        ]
    }
}

/// The share of `cents` for what is left of the period at `at`, half a cent rounded up.
fn rest_of(cents: u64, period: Span, at: i64) -> u64 {
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
    fn each_price_counts_by_the_seconds_that_are_left_and_half_a_cent_is_rounded_up() {
        check((14_900, 49_900), 100, 0, (14_900, 49_900), 35_000);
        check((14_900, 49_900), 100, 75, (3_725, 12_475), 8_750);
        check((5, 7), 10, 5, (3, 4), 1);
        check((1, 100), 3, 2, (0, 33), 33);
        check((14_900, 49_900), 100, 100, (0, 0), 0);
    }

    #[test]
    fn a_lower_price_leaves_nothing_to_pay() {
        check((49_900, 14_900), 100, 50, (24_950, 7_450), 0);
    }
}
