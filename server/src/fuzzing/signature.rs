//! The parser of the `Stripe-Signature` header.

use brightmeter::time::Instant;
use chrono::TimeDelta;

use crate::stripe::signature::{SignatureError, WebhookSecret};

/// The time of the signatures in the corpus, in Unix seconds.
const SIGNED_AT: i64 = 1_795_360_867;
const SECRET: &str = "whsec_one";

/// The input is a header, and a body after the first line break. Only the right secret, body and time are accepted, and a
/// valid signature is, whatever follows it.
pub fn signature(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let Ok(header) = str::from_utf8(&input[..end]) else { return };
    let body = input.get(end + 1..).unwrap_or_default();
    let other_body = [body, b"."].concat();
    let now = Instant::from_timestamp(SIGNED_AT, 0).unwrap_or_default();
    let (secret, other_secret) = (WebhookSecret::new(SECRET.into()), WebhookSecret::new("whsec_two".into()));

    let verified = secret.verify(header, body, now);
    assert_eq!(verified, secret.verify(header, body, now));
    if verified.is_ok() {
        assert_eq!(other_secret.verify(header, body, now), Err(SignatureError::Mismatch));
        assert_eq!(secret.verify(header, &other_body, now), Err(SignatureError::Mismatch));
        assert_eq!(secret.verify(header, body, now + TimeDelta::seconds(601)), Err(SignatureError::Untimely));
    }
    let signed = secret.sign(body, now);
    let extended = format!("{signed},{header}");
    for valid in [&signed, &extended] {
        assert_eq!(secret.verify(valid, body, now), Ok(()));
        assert_eq!(secret.verify(valid, &other_body, now), Err(SignatureError::Mismatch));
        assert_eq!(other_secret.verify(valid, body, now), Err(SignatureError::Mismatch));
    }
    let shown = format!("{verified:?} {secret:?} {signed}");
    assert!(!shown.contains(SECRET));
}
