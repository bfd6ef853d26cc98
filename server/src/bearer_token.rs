//! A token that the operator sets and a client must present.

use std::{fmt, str::FromStr};

use axum::http::{HeaderMap, header::AUTHORIZATION};
use sha2::{Digest, Sha256};

/// A bearer token: 16 to 255 visible ASCII characters. Only its hash is kept, so that a comparison takes the same time for
/// every wrong token, and nothing can print it.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken([u8; 32]);

/// The error for a token that is too short, too long or has other characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 16 to 255 visible ASCII characters")]
pub struct BearerTokenError;

impl FromStr for BearerToken {
    type Err = BearerTokenError;

    fn from_str(text: &str) -> Result<Self, BearerTokenError> {
        let fits = (16..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(hash(text))) } else { Err(BearerTokenError) }
    }
}

impl BearerToken {
    /// Whether the request presents this token: `Authorization: Bearer TOKEN`.
    pub fn is_presented(&self, headers: &HeaderMap) -> bool {
        presented(headers).is_some_and(|token| hash(token) == self.0)
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken")
    }
}

/// Returns the token that the request presents, if any: `Authorization: Bearer TOKEN`.
pub fn presented(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_token_as_a_bearer_is_accepted() {
        let token: BearerToken = "0123456789abcdef".parse().unwrap();
        for (header, accepted) in [
            ("Bearer 0123456789abcdef", true),
            ("bearer  0123456789abcdef", true),
            ("Bearer 0123456789abcdeF", false),
            ("Bearer 0123456789abcde", false),
            ("Basic 0123456789abcdef", false),
            ("0123456789abcdef", false),
            ("Bearer ", false),
        ] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, header.parse().unwrap())]);
            assert_eq!(token.is_presented(&headers), accepted, "{header}");
        }
        assert!(!token.is_presented(&HeaderMap::new()));
        assert_eq!(format!("{token:?}"), "BearerToken");
    }

    #[test]
    fn a_token_that_is_easy_to_guess_or_cannot_be_sent_is_refused() {
        for text in ["", "short", "0123456789abcde", "0123456789abcdef ", "0123456789abcdeü", &"x".repeat(256)] {
            assert_eq!(text.parse::<BearerToken>(), Err(BearerTokenError), "{text}");
        }
    }
}
