//! Random ids in Stripe's format.

use rand::distr::{Alphanumeric, SampleString};

/// Returns a new id: `prefix`, then 24 random letters and digits.
pub(super) fn new_id(prefix: &str) -> String {
    format!("{prefix}{}", Alphanumeric.sample_string(&mut rand::rng(), 24))
}
