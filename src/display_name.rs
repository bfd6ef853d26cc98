//! Display names: what people call an API key, an organization or themselves.

use std::{fmt, str::FromStr};

use crate::one_line::one_line;

/// The maximum length of a display name, in characters.
pub const DISPLAY_NAME_CHARS: usize = 100;

/// A display name: one trimmed line of 1 to [`DISPLAY_NAME_CHARS`] characters, without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

/// The error for a display name that is empty, too long or not a single line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name must have 1 to {DISPLAY_NAME_CHARS} characters on one line")]
pub struct DisplayNameError;

impl DisplayName {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = DisplayNameError;

    fn from_str(text: &str) -> Result<Self, DisplayNameError> {
        one_line(text, DISPLAY_NAME_CHARS).map(|text| Self(text.into())).ok_or(DisplayNameError)
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_is_one_trimmed_line_of_1_to_100_characters() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(text.parse::<DisplayName>().ok().as_ref().map(DisplayName::as_str), expected, "{text:?}");
        };
        check(" Éloïse Müller ", Some("Éloïse Müller"));
        check(&"ü".repeat(100), Some(&*"ü".repeat(100)));
        for text in ["", " \t ", "two\nlines", "nothing\0", "bell\u{7}", "next\u{85}line", &"ü".repeat(101)] {
            check(text, None);
        }
    }
}
