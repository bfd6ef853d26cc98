//! The parsers of API keys, bearer tokens and idempotency keys, as headers carry them.

use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use brightmeter::{
    access::api_key::{SECRET_CHARS, Secret},
    idempotency_key::IdempotencyKey,
};

use crate::bearer_token::{BearerToken, presented};

/// What is accepted is kept to the byte, is recognized in a header, and is never printed if it is secret. A secret with
/// another character is refused.
pub fn key(input: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(input) {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        if let Some(token) = presented(&headers) {
            assert!(input.ends_with(token.as_bytes()) || input.ends_with(b" ") || input.ends_with(b"\t"));
            assert_eq!(token, token.trim());
        }
    }
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(key) = text.parse::<IdempotencyKey>() {
        assert_eq!(key.as_str(), text);
        let json = serde_json::to_string(&key).unwrap_or_default();
        assert_eq!(serde_json::from_str::<IdempotencyKey>(&json).ok(), Some(key));
    }
    if let Ok(token) = text.parse::<BearerToken>() {
        assert!(token.is_presented(&bearer(text)));
        assert!(!token.is_presented(&bearer(&text[1..])));
        assert!(!format!("{token:?}").contains(text));
    }
    if let Ok(secret) = text.parse::<Secret>() {
        check(&secret, text);
    }
    let random = text.get(..SECRET_CHARS).unwrap_or_default();
    for live in [true, false] {
        if let Ok(secret) = Secret::new(live, random) {
            check(&secret, secret.reveal());
        }
    }
}

fn check(secret: &Secret, text: &str) {
    assert_eq!(secret.reveal(), text);
    assert_eq!(text.parse().as_ref(), Ok(secret));
    assert!(text.starts_with(secret.shown()));
    assert_eq!(format!("{secret:?}"), format!("Secret({}…)", secret.shown()));
    assert_eq!(presented(&bearer(text)), Some(text));
    for at in 0..text.len() {
        let wrong = if text[at..].starts_with('x') { "y" } else { "x" };
        let wrong = format!("{}{wrong}{}", &text[..at], &text[at + 1..]);
        assert!(wrong.parse::<Secret>().is_err(), "{wrong}");
    }
}

fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    value.into_iter().map(|value| (AUTHORIZATION, value)).collect()
}
