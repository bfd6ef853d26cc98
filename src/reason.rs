//! Reasons: free text that explains a staff action or a correction.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::one_line::one_line;

/// The maximum length of a reason, in characters.
pub const REASON_CHARS: usize = 500;

/// A reason: one trimmed line of 1 to [`REASON_CHARS`] characters, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason(String);

/// The error for a reason that is empty, too long or not a single line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reason has 1 to {REASON_CHARS} characters on one line")]
pub struct ReasonError;

impl Reason {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reason {
    type Err = ReasonError;

    fn from_str(text: &str) -> Result<Self, ReasonError> {
        one_line(text, REASON_CHARS).map(|text| Self(text.into())).ok_or(ReasonError)
    }
}

impl TryFrom<String> for Reason {
    type Error = ReasonError;

    fn try_from(text: String) -> Result<Self, ReasonError> {
        text.parse()
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_trimmed_line_of_1_to_500_characters() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(text.parse::<Reason>().ok().as_ref().map(Reason::as_str), expected, "{text:?}");
        };
        check("A chargeback", Some("A chargeback"));
        check("  ü \n", Some("ü"));
        check(&"ü".repeat(500), Some(&*"ü".repeat(500)));
        check(&"ü".repeat(501), None);
        check(" \t ", None);
        check("", None);
        check("two\nlines", None);
        check("nothing\0", None);
    }
}
