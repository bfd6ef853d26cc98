//! Webhook signatures: they prove that an event comes from Stripe, is unchanged, and is recent.
//!
//! The header reads `t=1795360867,v1=5257a8…,v1=…`: the time of sending in Unix seconds, and the HMAC-SHA256 of that
//! time, a dot and the raw body under the endpoint's secret, in hex. While a secret is being rotated there is one `v1`
//! for each. Other schemes are ignored. Source: Stripe's documentation, "Verify webhook signatures manually".

use std::fmt;

use brightmeter::time::Instant;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The maximum difference between the time of sending and our clock, either way. It allows for clocks that differ and
/// prevents replays of intercepted events. Stripe's own libraries allow five minutes in the past and any time in the
/// future.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The endpoint's signing secret (`whsec_…`). `Debug` does not print it.
#[derive(Clone)]
pub struct WebhookSecret(String);

/// Why a signature was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is missing, or has no `t` or no `v1`.
    #[error("the Stripe-Signature header is missing, or has no t and v1")]
    Malformed,
    /// No signature matches this body.
    #[error("no signature matches this body under this endpoint's secret")]
    Mismatch,
    /// The signature matches, but its time is too far from now.
    #[error("the signature's time is more than 5 minutes from now: set the clock, or send the event again")]
    Untimely,
}

impl WebhookSecret {
    /// Wraps the secret as Stripe shows it.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// Returns the header that Stripe would send with `body` at `at`.
    pub fn sign(&self, body: &[u8], at: Instant) -> String {
        let seconds = at.timestamp();
        format!("t={seconds},v1={}", hex::encode(self.mac(&seconds.to_string(), body).finalize().into_bytes()))
    }

    /// Verifies that Stripe signed `body` and sent it within the last five minutes.
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
        // Compared in constant time: the duration must not reveal how much of a guess was right.
        let signed = values("v1").filter_map(|signature| hex::decode(signature).ok());
        if !signed.into_iter().any(|signature| self.mac(time, body).verify_slice(&signature).is_ok()) {
            return Err(SignatureError::Mismatch);
        }
        let difference = now.timestamp().checked_sub(sent).and_then(i64::checked_abs);
        if difference.is_none_or(|seconds| seconds > TOLERANCE.num_seconds()) {
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
    fn a_signature_is_accepted_for_five_minutes_either_way() {
        let header = WebhookSecret::new("whsec_one".into()).sign(BODY, at(0));
        for seconds in [-300, 0, 300] {
            check(&header, BODY, seconds, Ok(()));
        }
        for seconds in [-301, 301, 100_000_000] {
            check(&header, BODY, seconds, Err(Untimely));
        }
    }

    #[test]
    fn signs_like_stripes_library() {
        // The result of version 23.1.0 for Node.js for the same input.
        let header = "t=1795360867,v1=28d92cd45605c69e687cf513966465e5751d4877dd2b0dd3638263093101f21a";
        assert_eq!(WebhookSecret::new("whsec_one".into()).sign(BODY, at(0)), header);
    }

    #[test]
    fn another_body_time_or_secret_is_rejected() {
        let header = WebhookSecret::new("whsec_one".into()).sign(BODY, at(0));
        check(&header, br#"{"id":"evt_2"}"#, 0, Err(Mismatch));
        check(&header, b"", 0, Err(Mismatch));
        check(&header.replace("t=1795360867", "t=1795360868"), BODY, 0, Err(Mismatch));
        check(&WebhookSecret::new("whsec_two".into()).sign(BODY, at(0)), BODY, 0, Err(Mismatch));
        check(&header[..header.len() - 2], BODY, 0, Err(Mismatch));
        check(&header.replace("v1=", "v1=zz"), BODY, 0, Err(Mismatch));
    }

    #[test]
    fn while_a_secret_is_rotated_one_matching_signature_is_enough() {
        let old = WebhookSecret::new("whsec_old".into()).sign(BODY, at(0));
        let new = WebhookSecret::new("whsec_one".into()).sign(BODY, at(0));
        let new = new.split_once(',').unwrap().1;
        check(&format!("{old},{new}"), BODY, 0, Ok(()));
        check(&format!("{old}, v0=6ffbb59b, {new}"), BODY, 0, Ok(()));
    }

    #[test]
    fn a_header_without_time_or_signature_is_malformed() {
        let signed = WebhookSecret::new("whsec_one".into()).sign(BODY, at(0));
        for header in ["", "t=", "t=now,v1=00", "t=1795360867", "v1=00", ",,=,", &signed.replace("v1=", "v0=")] {
            check(header, BODY, 0, Err(Malformed));
        }
        check("t=9223372036854775807,v1=00", BODY, 0, Err(Mismatch));
    }
}
