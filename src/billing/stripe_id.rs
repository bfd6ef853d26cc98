//! Stripe's ids as a request names them.

use std::{fmt, str::FromStr};

/// An id of Stripe's, such as `evt_…`: 1 to 255 visible ASCII characters. Stripe promises no more than the length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeId(String);

/// The error for an invalid Stripe id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a Stripe id has 1 to 255 visible ASCII characters")]
pub struct StripeIdError;

impl StripeId {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StripeId {
    type Err = StripeIdError;

    fn from_str(text: &str) -> Result<Self, StripeIdError> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.into())) } else { Err(StripeIdError) }
    }
}

impl fmt::Display for StripeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_visible_ascii() {
        assert_eq!("evt_1Nq".parse::<StripeId>().unwrap().as_str(), "evt_1Nq");
        for text in ["", "evt_\0", "evt_\u{7}", "evt\n1", "evt 1", "évt", &"x".repeat(256)] {
            assert_eq!(text.parse::<StripeId>(), Err(StripeIdError), "{text:?}");
        }
    }
}
