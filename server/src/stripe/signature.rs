//! Signatures of Stripe's webhooks: that an event comes from Stripe, came whole, and came just now.
//!
//! The header reads `t=1795360867,v1=5257a8…,v1=…`: the time of sending in seconds since 1970, and the HMAC-SHA256 of that
//! time, a dot and the raw body under the endpoint's secret, in hex. While a secret is changed there is one `v1` for each. Other
//! schemes count for nothing. Source: Stripe's documentation, "Verify webhook signatures manually".

use std::fmt;

use brightmeter::time::Instant;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How far the time of sending may lie from ours, before or after: clocks differ, and what was overheard must not be sent again
/// later. Stripe's own libraries allow five minutes for the past, and any future.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The secret that Stripe signs with (`whsec_…`). It is never printed.
#[derive(Clone)]
pub struct WebhookSecret(String);

/// Why an event is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No header, or one without a time and a `v1`.
    #[error("the Stripe-Signature header is missing, or has no t and v1")]
    Malformed,
    /// None of the signatures is that of this body.
    #[error("no signature is that of this body under this endpoint's secret")]
    Mismatch,
    /// Signed, but too long ago or too far ahead.
    #[error("it was signed more than 5 minutes from now: set the clock, or send it anew")]
    Untimely,
}

impl WebhookSecret {
    /// The secret as Stripe shows it.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The header for `body`, sent at `at`: what Stripe would send.
    pub fn sign(&self, body: &[u8], at: Instant) -> String {
        let seconds = at.timestamp();
        format!("t={seconds},v1={}", hex::encode(self.mac(&seconds.to_string(), body).finalize().into_bytes()))
    }

    /// Whether `header` says that Stripe sent `body` just now.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(&self, header: &str, body: &[u8], now: Instant) -> Result<(), SignatureError> {
        let values = |name: &'static str| {
            header
                .split(',')
                .filter_map(move |item| item.trim().split_once('='))
                .filter(move |it| it.0 == name)
                .map(|it| it.1)
        };
        let time = values("t").next().ok_or(SignatureError::Malformed)?;
        let sent: i64 = time.parse().map_err(|_| SignatureError::Malformed)?;
        values("v1").next().ok_or(SignatureError::Malformed)?;
        // Compared in constant time: how long it takes must not tell how much of a guess was right.
        let signed = values("v1").filter_map(|signature| hex::decode(signature).ok());
        if !signed.into_iter().any(|signature| self.mac(time, body).verify_slice(&signature).is_ok()) {
            return Err(SignatureError::Mismatch);
        }
        let apart = now.timestamp().checked_sub(sent).and_then(i64::checked_abs);
        if apart.is_none_or(|seconds| seconds > TOLERANCE.num_seconds()) {
            return Err(SignatureError::Untimely);
        }
        Ok(())
    }

    fn mac(&self, time: &str, body: &[u8]) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).expect("a key of any length");
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::{SignatureError::*, *};

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn at(seconds: i64) -> Instant {
        Instant::from_timestamp(1_795_360_867 + seconds, 0).unwrap()
    }

    fn check(header: &str, body: &[u8], seconds: i64, expected: Result<(), SignatureError>) {
        let secret = WebhookSecret::new("whsec_one".into());
        assert_eq!(secret.verify(header, body, at(seconds)), expected, "{header} after {seconds} s");
    }

    #[test]
    fn what_was_signed_is_believed_for_five_minutes_either_way() {
        let header = WebhookSecret::new("whsec_one".into()).sign(BODY, at(0));
        for seconds in [-300, 0, 300] {
            check(&header, BODY, seconds, Ok(()));
        }
        for seconds in [-301, 301, 100_000_000] {
            check(&header, BODY, seconds, Err(Untimely));
        }
    }

    #[test]
    fn we_sign_as_stripes_library_does() {
        // What version 23.1.0 of it for Node.js makes of the same.
        let header = "t=1795360867,v1=28d92cd45605c69e687cf513966465e5751d4877dd2b0dd3638263093101f21a";
        assert_eq!(WebhookSecret::new("whsec_one".into()).sign(BODY, at(0)), header);
    }

    #[test]
    fn another_body_time_or_secret_is_not_believed() {
        let header = WebhookSecret::new("whsec_one".into()).sign(BODY, at(0));
        check(&header, br#"{"id":"evt_2"}"#, 0, Err(Mismatch));
        check(&header, b"", 0, Err(Mismatch));
        check(&header.replace("t=1795360867", "t=1795360868"), BODY, 0, Err(Mismatch));
        check(&WebhookSecret::new("whsec_two".into()).sign(BODY, at(0)), BODY, 0, Err(Mismatch));
        check(&header[..header.len() - 2], BODY, 0, Err(Mismatch));
        check(&header.replace("v1=", "v1=zz"), BODY, 0, Err(Mismatch));
    }

    #[test]
    fn while_a_secret_changes_one_of_several_signatures_is_enough() {
        let old = WebhookSecret::new("whsec_old".into()).sign(BODY, at(0));
        let new = WebhookSecret::new("whsec_one".into()).sign(BODY, at(0));
        let new = new.split_once(',').unwrap().1;
        check(&format!("{old},{new}"), BODY, 0, Ok(()));
        check(&format!("{old}, v0=6ffbb59b, {new}"), BODY, 0, Ok(()));
    }

    #[test]
    fn a_header_without_time_and_signature_says_so() {
        let signed = WebhookSecret::new("whsec_one".into()).sign(BODY, at(0));
        for header in ["", "t=", "t=now,v1=00", "t=1795360867", "v1=00", ",,=,", &signed.replace("v1=", "v0=")] {
            check(header, BODY, 0, Err(Malformed));
        }
        check("t=9223372036854775807,v1=00", BODY, 0, Err(Mismatch));
    }
}
