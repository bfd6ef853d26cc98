//! Email addresses, which people sign in with.

use std::{fmt, str::FromStr};

/// The maximum length of an email address, in bytes.
const MAX_BYTES: usize = 254;

/// An email address: lower case, one `@` with text on both sides, without white space and control characters. Whether it
/// receives mail is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

/// The error for an invalid email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an email address looks like robin@example.com")]
pub struct EmailError;

impl Email {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let text = text.trim().to_lowercase();
        let printable = !text.chars().any(|c| c.is_whitespace() || c.is_control());
        let parts = text.split_once('@');
        let split = parts.is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'));
        if text.len() <= MAX_BYTES && printable && split { Ok(Self(text)) } else { Err(EmailError) }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_trimmed_and_in_lower_case() {
        assert_eq!(" Robin@Bright-Audio.test ".parse::<Email>().unwrap().as_str(), "robin@bright-audio.test");
    }

    #[test]
    fn an_invalid_email_is_refused() {
        let long = format!("{}@example.com", "x".repeat(250));
        for text in
            ["", "robin", "@", "robin@", "@example.com", "a@b@c", "a b@c", "a\0@b", "a@b\u{1b}c", "a\n@b", &long]
        {
            assert_eq!(text.parse::<Email>(), Err(EmailError), "{text:?}");
        }
    }
}
