//! The quantity of a usage.

use serde::{Deserialize, Serialize};

/// The number of uses in one command: 1 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Quantity(u32);

/// The error for a quantity that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a quantity is a whole number from 1 to 10,000")]
pub struct QuantityError;

impl Quantity {
    /// A single use.
    pub const ONE: Self = Self(1);

    /// Returns the quantity as a number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Quantity {
    type Error = QuantityError;

    fn try_from(quantity: u32) -> Result<Self, QuantityError> {
        if (1..=10_000).contains(&quantity) { Ok(Self(quantity)) } else { Err(QuantityError) }
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> u32 {
        quantity.0
    }
}
