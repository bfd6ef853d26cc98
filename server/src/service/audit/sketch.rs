//! A sketch of the daily figures: two sums that are equal for the log and the table if all figures are.
//!
//! Each figure is multiplied by a random-looking number of its key, and the products are added modulo 2¹²⁸. So entries
//! may come in any order, a sketch goes on where it was stored, and it takes 48 bytes instead of a map of all figures.
//! Different figures have the same sums with a probability near 2⁻¹²⁸, as long as nobody knows the key.

use sha2::{Digest, Sha256};

use crate::storage::audit::log::DailyLine;

/// A sketch of uses and tokens by day, token type, feature and member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sketch {
    key: u128,
    uses: u128,
    tokens: u128,
}

impl Sketch {
    /// Returns an empty sketch with a random key.
    pub(super) fn new() -> Self {
        Self { key: rand::random(), uses: 0, tokens: 0 }
    }

    /// Returns an empty sketch with the same key, to compare with this one.
    pub(super) fn emptied(self) -> Self {
        Self { uses: 0, tokens: 0, ..self }
    }

    /// Adds to the figure of `line`.
    pub(super) fn add(&mut self, line: DailyLine<'_>, uses: i64, tokens: i64) {
        let DailyLine { day, token_type, feature, member } = line;
        let mut hasher = Sha256::new();
        hasher.update(self.key.to_be_bytes());
        hasher.update(day.to_epoch_days().to_be_bytes());
        hasher.update((token_type.len() as u64).to_be_bytes());
        hasher.update(token_type);
        hasher.update(member.as_bytes());
        hasher.update(feature);
        let hash: [u8; 32] = hasher.finalize().into();
        let factor = hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte));
        // A negative number wraps around: adding it subtracts modulo 2^128.
        let product = |number: i64| factor.wrapping_mul(i128::from(number) as u128);
        self.uses = self.uses.wrapping_add(product(uses));
        self.tokens = self.tokens.wrapping_add(product(tokens));
    }

    /// Returns the sketch as stored.
    pub(super) fn to_bytes(self) -> [u8; 48] {
        let mut bytes = [0; 48];
        for (chunk, number) in bytes.chunks_exact_mut(16).zip([self.key, self.uses, self.tokens]) {
            chunk.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    /// Returns a stored sketch.
    pub(super) fn from_bytes(bytes: [u8; 48]) -> Self {
        let mut numbers =
            bytes.chunks_exact(16).map(|chunk| chunk.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)));
        let mut next = || numbers.next().unwrap_or_default();
        Self { key: next(), uses: next(), tokens: next() }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn line(feature: &str) -> DailyLine<'_> {
        DailyLine { day: "2026-03-10".parse().unwrap(), token_type: "ai", feature, member: Uuid::nil() }
    }

    #[test]
    fn the_order_and_the_number_of_parts_do_not_matter() {
        let mut entries = Sketch::new();
        let mut figures = entries.emptied();
        for (feature, uses, tokens) in [("ping", 1, 1), ("quests", 1, 5), ("ping", 1, 2), ("quests", -1, -5)] {
            entries.add(line(feature), uses, tokens);
        }
        figures.add(line("quests"), 0, 0);
        figures.add(line("ping"), 2, 3);
        assert_eq!(entries, figures);
        assert_eq!(Sketch::from_bytes(entries.to_bytes()), figures);
        figures.add(line("quests"), 0, 1);
        assert_ne!(entries, figures);
    }

    #[test]
    fn figures_of_two_lines_are_not_exchangeable() {
        let mut one = Sketch::new();
        let mut other = one.emptied();
        one.add(line("ping"), 1, 1);
        other.add(line("quests"), 1, 1);
        assert_ne!(one, other);
    }
}
