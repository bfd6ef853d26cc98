//! Amounts of AI tokens.

use std::{fmt, iter::Sum};

use serde::{Deserialize, Serialize};

/// A whole number of AI tokens, never negative and at most [`Tokens::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Tokens(i64);

/// An amount below zero or above [`Tokens::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount of tokens is a whole number from 0 to 1,000,000,000,000")]
pub struct TokensError;

impl Tokens {
    /// Zero tokens.
    pub const ZERO: Self = Self(0);
    /// The largest amount: 10¹². Sums of a few thousand such amounts still fit into 64 bits.
    pub const MAX: Self = Self(1_000_000_000_000);

    /// Parses an amount.
    ///
    /// # Errors
    /// [`TokensError`] if it is out of range.
    pub const fn new(amount: i64) -> Result<Self, TokensError> {
        if 0 <= amount && amount <= Self::MAX.0 { Ok(Self(amount)) } else { Err(TokensError) }
    }

    /// Returns the amount as a number.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whether the amount is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Returns the sum, or `None` if it exceeds [`Tokens::MAX`].
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::new(self.0 + other.0).ok()
    }

    /// Returns the difference, or `None` if it is negative.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        Self::new(self.0 - other.0).ok()
    }

    /// Returns the product, or `None` if it exceeds [`Tokens::MAX`].
    pub fn checked_mul(self, factor: u32) -> Option<Self> {
        self.0.checked_mul(i64::from(factor)).and_then(|product| Self::new(product).ok())
    }

    /// `self - other`, where an invariant of the ledger ensures `other <= self`.
    ///
    /// A violation is a defect: it panics in debug builds. A release build stops at zero, which the audit reports.
    pub fn minus(self, other: Self) -> Self {
        debug_assert!(other <= self, "{other} taken from {self}");
        self.saturating_sub(other)
    }

    /// `self + other`, where an invariant of the ledger ensures that the sum is at most [`Self::MAX`].
    ///
    /// A violation is a defect: it panics in debug builds. A release build stops at the maximum, which the audit
    /// reports.
    pub fn plus(self, other: Self) -> Self {
        debug_assert!(self.checked_add(other).is_some(), "{other} added to {self}");
        self.saturating_add(other)
    }

    /// Returns the difference, or zero if it is negative.
    pub fn saturating_sub(self, other: Self) -> Self {
        self.checked_sub(other).unwrap_or(Self::ZERO)
    }

    /// Returns the sum, or [`Tokens::MAX`] if it exceeds that.
    pub fn saturating_add(self, other: Self) -> Self {
        self.checked_add(other).unwrap_or(Self::MAX)
    }
}

impl TryFrom<i64> for Tokens {
    type Error = TokensError;

    fn try_from(amount: i64) -> Result<Self, TokensError> {
        Self::new(amount)
    }
}

impl From<Tokens> for i64 {
    fn from(tokens: Tokens) -> i64 {
        tokens.0
    }
}

impl Sum for Tokens {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Self::saturating_add)
    }
}

/// Formats with thousands separators: `2,000`.
impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&grouped(self.0))
    }
}

/// Formats a whole number with thousands separators: `-2,000`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (-2_000, "-2,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn an_amount_out_of_range_is_refused() {
        assert_eq!(i64::from(Tokens(5)), 5);
        assert_eq!(Tokens::new(-1), Err(TokensError));
        assert_eq!(Tokens::new(Tokens::MAX.get() + 1), Err(TokensError));
        assert_eq!(Tokens::MAX.checked_add(Tokens(1)), None);
        assert_eq!(Tokens::MAX.checked_mul(u32::MAX), None);
    }
}
