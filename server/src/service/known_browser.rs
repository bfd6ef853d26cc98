//! Known browsers: those in which an account has signed in before. Failures of other people cannot lock them out.
//!
//! A browser keeps a random id and its HMAC-SHA256 under the account's password hash. So a token is valid for one account,
//! only the server can make it, and a change of the password ends all of them. It signs nobody in.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The length of the random id, in hex digits.
const ID_CHARS: usize = 32;

/// Returns a token for a browser in which `account` has just signed in.
pub(super) fn issue(account: &str, password_hash: &str) -> String {
    let id = hex::encode(rand::random::<[u8; ID_CHARS / 2]>());
    let signature = mac(&id, account, password_hash).finalize().into_bytes();
    format!("{id}.{}", hex::encode(signature))
}

/// Returns the browser's id, if the token is one of `account`.
pub(super) fn verify<'t>(token: &'t str, account: &str, password_hash: &str) -> Option<&'t str> {
    let (id, signature) = token.split_once('.')?;
    let signature = hex::decode(signature).ok().filter(|_| id.len() == ID_CHARS)?;
    mac(id, account, password_hash).verify_slice(&signature).ok().map(|()| id)
}

fn mac(id: &str, account: &str, password_hash: &str) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(password_hash.as_bytes()).expect("a key of any length");
    mac.update(b"brightmeter known browser\0");
    mac.update(id.as_bytes());
    mac.update(&[0]);
    mac.update(account.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_valid_for_its_account_and_password_only() {
        let token = issue("robin@bright-audio.test", "hash");
        let (id, signature) = token.split_once('.').unwrap();
        assert_eq!(verify(&token, "robin@bright-audio.test", "hash"), Some(id));
        assert_eq!(verify(&token, "alex@bright-audio.test", "hash"), None);
        assert_eq!(verify(&token, "robin@bright-audio.test", "other"), None);
        let other = format!("{}.{signature}", "0".repeat(ID_CHARS));
        for wrong in ["", ".", id, &other, &token[..token.len() - 2], &format!("{token}00")] {
            assert_eq!(verify(wrong, "robin@bright-audio.test", "hash"), None, "{wrong}");
        }
    }
}
